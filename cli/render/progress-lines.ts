import { METRICS, type MetricName } from '../../results/report/metrics.ts'
import type { PaceNow } from './pace.ts'
import { renderTable } from './table.ts'
import { cut, paint, shownText, type Terminal } from './terminal.ts'

/** How far a search is; what is not known yet is left out. */
export interface ProgressSnapshot {
  /** Trials told so far, failures included. */
  readonly told: number
  readonly failures: number
  /** Candidates stopped by a limit before training. */
  readonly rejected: number
  /** Trials being trained right now. */
  readonly training: number
  /** Of a search in stages: per stage, the trials told and those planned. Left out of others. */
  readonly stages?: readonly { readonly told: number; readonly planned: number }[]
  readonly fronts: Readonly<Record<string, FrontProgress>>
}

/** The state of one device's front. */
export interface FrontProgress {
  /** Best value of each objective among feasible trials, in its own unit (`accuracy` as an accuracy). */
  readonly best: Readonly<Partial<Record<MetricName, number>>>
  /** Dominated share, 0 to 1. */
  readonly hypervolume: number
  readonly size: number
}

export interface ProgressView {
  readonly snapshot: ProgressSnapshot
  readonly total: number
  readonly objectives: readonly MetricName[]
  readonly devices: readonly string[]
  readonly pace: PaceNow
}

const BAR = 24
const LEAST_BAR = 8

/** The lines of a live view: a bar with counts, then the best of each objective and the hypervolume per device. */
export function progressLines(view: ProgressView, terminal: Terminal): readonly string[] {
  // The last column stays free: some terminals wrap when it is written to.
  const narrower = { ...terminal, columns: Math.max(1, terminal.columns - 1) }
  const { snapshot, total } = view
  const count = `${snapshot.told}/${total} trials`
  const room = narrower.columns - count.length - 1
  const bar = room >= LEAST_BAR ? `${barOf(snapshot.told / Math.max(1, total), Math.min(BAR, room), narrower)} ` : ''
  const lines = [
    `${bar}${paint(cut(count, narrower.columns, narrower), 'bold', narrower)}`,
    cut(shownText(`${countsOf(snapshot)} · ${paceOf(view.pace)}`, narrower), narrower.columns, narrower),
  ]
  return [...lines, ...bestTable(view, narrower)]
}

/** The same on one line, for logs and pipes. */
export function progressLine({ snapshot, total, objectives, devices, pace }: ProgressView): string {
  const fronts = devices.map((device) => {
    const front = snapshot.fronts[device]
    return front === undefined ? `${device}: none yet` : `${device}: ${bestOf(front, objectives)}`
  })
  return [`${snapshot.told}/${total} trials`, countsOf(snapshot), paceOf(pace), ...fronts].join(' | ')
}

function barOf(share: number, width: number, terminal: Terminal): string {
  const full = Math.round(Math.min(1, Math.max(0, share)) * width)
  const [done, open] = terminal.unicode ? ['█', '░'] : ['#', '.']
  return paint(done.repeat(full), 'green', terminal) + paint(open.repeat(width - full), 'dim', terminal)
}

function countsOf({ failures, rejected, training, stages = [] }: ProgressSnapshot): string {
  const counts = `${training} training, ${failures} failed, ${rejected} over the limits`
  const ended = stages.map(({ told, planned }) => `${told}/${planned}`)
  return ended.length === 0 ? counts : `${counts}, by stage ${ended.join(' ')}`
}

function paceOf({ elapsedMs, trialsPerMinute, remainingMs }: PaceNow): string {
  const pace = trialsPerMinute === undefined ? [] : [`${formatPace(trialsPerMinute)} trials/min`]
  const left = remainingMs === undefined ? [] : [`${formatDuration(remainingMs)} left`]
  return [`${formatDuration(elapsedMs)} elapsed`, ...pace, ...left].join(', ')
}

/** Two digits, which is all that a pace is good for; never with an exponent. */
const formatPace = (perMinute: number): string => `${Number(perMinute.toPrecision(2))}`

const bestOf = (front: FrontProgress, objectives: readonly MetricName[]): string =>
  [
    ...objectives.map((name) => `${METRICS[name].heading} ${bestText(front, name)}`),
    `hypervolume ${front.hypervolume.toFixed(4)}`,
  ].join(', ')

const bestText = ({ best }: FrontProgress, name: MetricName): string => {
  const value = best[name]
  return value === undefined ? '-' : METRICS[name].format(value)
}

function bestTable({ snapshot, objectives, devices }: ProgressView, terminal: Terminal): readonly string[] {
  const rows = devices.map((device) => {
    const front = snapshot.fronts[device]
    if (front === undefined) return [device, '-', '-', ...objectives.map(() => '-')]
    const { hypervolume, size } = front
    return [device, hypervolume.toFixed(4), String(size), ...objectives.map((name) => bestText(front, name))]
  })
  const columns = [
    { heading: 'device', align: 'left' as const, shrinkTo: 10 },
    { heading: 'hypervolume', align: 'right' as const, shrinkTo: 6 },
    { heading: 'front', align: 'right' as const },
    ...objectives.map((name) => ({ heading: `best ${METRICS[name].heading}`, align: 'right' as const, shrinkTo: 8 })),
  ]
  return renderTable(columns, rows, terminal).trimEnd().split('\n')
}

/** 45 s, 12 min 5 s, 3 h 20 min. */
export function formatDuration(durationMs: number): string {
  const seconds = Math.round(durationMs / 1000)
  if (seconds < 60) return `${seconds} s`
  const minutes = Math.floor(seconds / 60)
  return minutes < 60 ? `${minutes} min ${seconds % 60} s` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`
}

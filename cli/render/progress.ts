import { METRICS, type MetricName } from '../../results/report/metrics.ts'
import { LiveBlock } from './live-block.ts'
import { Pace } from './pace.ts'
import { type ProgressSnapshot, progressLine, progressLines } from './progress-lines.ts'
import { shownText, type TextStream, terminalOf, type Variables } from './terminal.ts'

export type { ProgressSnapshot } from './progress-lines.ts'

export interface ProgressOptions {
  readonly stream: TextStream
  /** Trials the search is to run. */
  readonly total: number
  readonly objectives: readonly string[]
  readonly devices: readonly string[]
  /** Silent: the command prints JSON itself. */
  readonly json: boolean
  /** Milliseconds of a steady clock, and the environment that says what the terminal can show; for tests. */
  readonly now?: () => number
  readonly env?: Variables
}

export interface Progress {
  update(snapshot: ProgressSnapshot): void
  /** A line of its own, above what is redrawn. */
  log(line: string): void
  /** Draws the last state and gives the terminal back. */
  done(): void
}

const REDRAW_MS = 100
const PLAIN_MS = 2000
/** Without news the elapsed time is still drawn this often. */
const HEARTBEAT_MS = 1000

const SILENT: Progress = { update: () => {}, log: () => {}, done: () => {} }

/**
 * Shows how a search goes: on a terminal a few lines redrawn in place, at most ten times a second; elsewhere a plain
 * line at the first and the last trial and between them at most every two seconds. The cursor is never hidden.
 */
export function createProgress(options: ProgressOptions): Progress {
  if (options.json) return SILENT
  return terminalOf(options.stream, options.env).interactive ? liveProgress(options) : plainProgress(options)
}

const objectivesOf = (names: readonly string[]): readonly MetricName[] =>
  names.filter((name): name is MetricName => Object.hasOwn(METRICS, name))

function liveProgress({
  stream,
  total,
  objectives,
  devices,
  now = () => performance.now(),
  env,
}: ProgressOptions): Progress {
  const block = new LiveBlock(stream)
  const pace = new Pace(now())
  const names = objectivesOf(objectives)
  let snapshot: ProgressSnapshot | undefined
  let drawnAt = Number.NEGATIVE_INFINITY
  let timer: NodeJS.Timeout | undefined
  const draw = (): void => {
    if (snapshot === undefined) return
    drawnAt = now()
    block.draw(
      progressLines(
        { snapshot, total, objectives: names, devices, pace: pace.at(now(), total) },
        terminalOf(stream, env),
      ),
    )
    schedule(HEARTBEAT_MS)
  }
  const schedule = (delayMs: number): void => {
    clearTimeout(timer)
    timer = setTimeout(draw, delayMs)
    timer.unref()
  }
  return {
    update: (next) => {
      snapshot = next
      pace.told(next.told, now())
      const wait = REDRAW_MS - (now() - drawnAt)
      if (wait <= 0) draw()
      else schedule(wait)
    },
    log: (line) => block.above(shownText(line, terminalOf(stream, env))),
    done: () => {
      draw()
      clearTimeout(timer)
      block.leave()
    },
  }
}

function plainProgress({
  stream,
  total,
  objectives,
  devices,
  now = () => performance.now(),
}: ProgressOptions): Progress {
  const pace = new Pace(now())
  const names = objectivesOf(objectives)
  let latest: ProgressSnapshot | undefined
  let printedTold = -1
  let printedAt = Number.NEGATIVE_INFINITY
  const print = (snapshot: ProgressSnapshot): void => {
    printedTold = snapshot.told
    printedAt = now()
    const line = progressLine({ snapshot, total, objectives: names, devices, pace: pace.at(now(), total) })
    stream.write(`${shownText(line, { unicode: false })}\n`)
  }
  return {
    update: (snapshot) => {
      latest = snapshot
      pace.told(snapshot.told, now())
      if (snapshot.told > Math.max(0, printedTold) && now() - printedAt >= PLAIN_MS) print(snapshot)
    },
    log: (line) => void stream.write(`${shownText(line, { unicode: false })}\n`),
    done: () => {
      if (latest !== undefined && latest.told !== printedTold) print(latest)
    },
  }
}

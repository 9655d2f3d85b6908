/** Trains candidates in a process of its own: a native crash here takes nothing else down. Speaks over Node's IPC channel. */
import { writeFileSync } from 'node:fs'
import type { EvaluationRequest } from '../evaluator.ts'
import { loadEngine } from '../training/engines.ts'
import { evaluateTogether, type WorkerData } from './workers.ts'

/** What the process is told: what to work on, candidates to train, and which of them to give up. */
export type Order =
  | { readonly data: WorkerData }
  | { readonly requests: readonly EvaluationRequest[] }
  | { readonly cancel: number }

try {
  // When memory runs out, the kernel should take this process, not the search that waits for it.
  writeFileSync('/proc/self/oom_score_adj', '1000')
} catch {
  // Not Linux: nothing to set.
}

let data: WorkerData | undefined
let signals: { aborted: boolean }[] = []

async function train(requests: readonly EvaluationRequest[], { dataset, engine }: WorkerData): Promise<void> {
  signals = requests.map(() => ({ aborted: false }))
  const candidates = requests.map((request, i) => ({ request, signal: signals[i]! }))
  process.send?.(await evaluateTogether(candidates, dataset, await loadEngine(engine)))
}

process.once('disconnect', () => process.exit())
// Ctrl-C, and a terminal that closes, reach every process of a terminal, and what stops a service all of it. What becomes
// of this one is the search's business.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => {})
process.on('message', (order: Order) => {
  if ('data' in order) data = order.data
  else if ('requests' in order) void train(order.requests, data!)
  else signals[order.cancel]!.aborted = true
})

/** Trains one candidate in a process of its own: a native crash here takes nothing else down. Speaks over Node's IPC channel. */
import { writeFileSync } from 'node:fs'
import type { EvaluationRequest } from '../evaluator.ts'
import { evaluateCandidate } from '../proxy/evaluate-candidate.ts'
import { loadEngine } from '../training/engines.ts'
import type { TrainingThreadData } from './training-thread.ts'

try {
  // When memory runs out, the kernel should take this process, not the search that waits for it.
  writeFileSync('/proc/self/oom_score_adj', '1000')
} catch {
  // Not Linux: nothing to set.
}

process.once('disconnect', () => process.exit(1))
process.once('message', async ({ request, data }: { request: EvaluationRequest; data: TrainingThreadData }) => {
  const result = await evaluateCandidate(request, data.dataset, await loadEngine(data.engine))
  process.send?.(result, () => process.disconnect())
})

/**
 * `frugal` as a search with a look-ahead runs it: a table answers at once, so that what it costs to ask ahead is not seen
 * there. LOOK_AHEAD proposals are out at any time, and results come in the order of the asks (docs/searching.md).
 *
 *   LOOK_AHEAD=8 frugal bench search --algorithm bench/ahead.algorithm.ts --table nb201.csv.gz --gene-digits ops …
 */
import { type Algorithm, defineAlgorithm, type Genome } from '../search/algorithm.ts'
import frugal from '../search/algorithms/frugal.algorithm.ts'

const lookAhead = Number(process.env['LOOK_AHEAD'] ?? 8)

function asked(algorithm: Algorithm): Algorithm {
  const open: Genome[] = []
  return {
    ask: () => {
      while (open.length < lookAhead) open.push(algorithm.ask())
      return open.shift()!
    },
    tell: (result) => algorithm.tell(result),
    state: () => algorithm.state(),
  }
}

export default defineAlgorithm({
  id: 'ahead',
  title: `frugal with a look-ahead of ${lookAhead}`,
  create: (config, random) => asked(frugal.create(config, random)),
  restore: (config, state) => asked(frugal.restore(config, state)),
})

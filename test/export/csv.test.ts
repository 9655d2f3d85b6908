import { readFileSync } from 'node:fs'
import path from 'node:path'
import test from 'ava'
import { exportNetwork } from '../../export/export-network.ts'
import { parseFormats } from '../../export/formats/index.ts'
import { randomStream } from '../../lib/random.ts'
import { geneOperations } from '../../search/genes.ts'
import { loadSpace } from '../../spaces/discover.ts'
import { load, temporaryFolder, writeFiles } from '../evaluators/datasets-support.ts'
import { exportJob, subjectOf } from './jobs.ts'
import { plausibleWeights } from './networks.ts'

/** Readings of three sensors of very different scales; the last column name would like to be code. */
const SERIES = [
  'time,temp,CO2 (ppm),*/ x` <b>,label',
  ...Array.from({ length: 900 }, (_, i) => {
    const kind = Math.floor(i / 30) % 3
    return `${i},${20 + kind + Math.sin(i)},${600 + 100 * kind},${0.004 + 0.001 * Math.cos(i * kind)},kind ${kind}`
  }),
].join('\n')

for (const [what, spaceId, settings, shape, meaning] of [
  [
    'windows',
    'moe',
    '{"window": 20, "step": 5}',
    [20, 1, 3],
    '20 readings, the oldest first, each of temp, CO2 (ppm), ',
  ],
  ['rows', 'mobilenet', '{}', [1, 1, 3], 'a row of features: temp, CO2 (ppm), '],
] as const) {
  test(`${what} of a CSV file: a network of ${spaceId} is exported, every file does the same, and the order of columns is said`, async (t) => {
    const folder = temporaryFolder(t)
    writeFiles(folder, { 'series.csv': SERIES, 'csv.json': settings })
    const dataset = await load(folder)
    t.deepEqual([...dataset.inputShape], [...shape])
    const space = await loadSpace(spaceId)
    const task = { inputShape: dataset.inputShape, classCount: 3 }
    const operations = geneOperations(space.genes(task))
    const random = randomStream(5, 'csv')
    let graph = space.decode(operations.sample(random), task)
    // The smallest of some that has what the space is for.
    for (let i = 0; i < 40; i++) {
      const other = space.decode(operations.sample(random), task)
      const isMixture = other.nodes.some(({ op }) => op.kind === 'routedExperts')
      if ((spaceId === 'mobilenet' || isMixture) && other.nodes.length < graph.nodes.length) graph = other
    }
    const subject = await subjectOf(graph, plausibleWeights(graph, 3), dataset)
    const job = exportJob(t, subject, {
      formats: parseFormats('onnx,onnx-int8,onnx-integer,tflite,c'),
      name: 'room',
      verify: true,
    })
    const card = await exportNetwork(job)
    for (const { artefact, failed, detail } of card.verification) t.not(failed, true, `${artefact}: ${detail}`)
    t.true(card.verification.filter(({ verified }) => verified).length >= 3)
    t.true(
      card.input.meaning.startsWith(`raw sample values as the data set holds them (${meaning}`),
      card.input.meaning,
    )
    const text = (file: string) => readFileSync(path.join(job.out, file), 'utf8')
    const header = text('c/model.h')
    t.true(header.includes(` * A sample is ${meaning}|| x' <b>.\n`), header)
    t.regex(header, /channel 1 \(CO2 \(ppm\)\): real = \(raw - [\d.]+f\) \/ [\d.]+f\n/)
    t.true(text('README.md').includes(`# values as the data set holds them: ${meaning}`))
  })
}

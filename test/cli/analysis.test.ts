import { readFileSync } from 'node:fs'
import path from 'node:path'
import test from 'ava'
import Database from 'better-sqlite3'
import { frugal, QUICK, temporaryFolder } from './run-frugal.ts'

test('searches are compared, their genes weighed, and the knee of a front is one of its points', async (t) => {
  const folder = temporaryFolder(t)
  for (const seed of ['1', '2']) {
    const { code, stderr } = await frugal(
      folder,
      'search',
      '--trials',
      '8',
      '--seed',
      seed,
      '--algorithm',
      'random',
      ...QUICK,
    )
    t.is(code, 0, stderr)
  }
  const json = async (...args: readonly string[]) => {
    const { code, stdout, stderr } = await frugal(folder, ...args, '--json')
    t.is(code, 0, stderr)
    return JSON.parse(stdout)
  }

  const compared = await json('compare', '1', '2', '--device', 'titan-rtx', '--svg', 'compare.svg')
  t.deepEqual(Object.keys(compared), ['device', 'over', 'objectives', 'reference', 'cost', 'groups', 'pairs'])
  t.deepEqual(
    compared.groups.map(({ name }: { name: string }) => name),
    ['experiment 1', 'experiment 2'],
  )
  for (const [i, { curve, hypervolumes }] of compared.groups.entries()) {
    t.is(curve.length, 8)
    t.is(curve.at(-1).mean, hypervolumes[0])
    const front = await json('front', String(i + 1), '--device', 'titan-rtx')
    // The reference of a comparison is the worst of both, so no share is smaller than against the experiment's own.
    t.true(hypervolumes[0] >= front.hypervolume - 1e-12, `${hypervolumes[0]} and ${front.hypervolume}`)
  }
  t.regex(readFileSync(path.join(folder, 'compare.svg'), 'utf8'), /^<svg [\s\S]*<\/svg>\n$/)
  const { stdout } = await frugal(folder, 'compare', 'random=1,2', 'again=1')
  t.is(stdout, '', 'an experiment twice is refused')
  t.regex(
    (await frugal(folder, 'compare', 'one=1', 'two=2')).stdout,
    /whose worst corner is accuracy .* latency [\s\S]*hypervolume after[\s\S]*one[\s\S]*two/,
  )

  const important = await json('importance', '1', '--samples', '300', '--svg', 'importance.svg')
  t.is(important.accuracy.samples, 8)
  t.is(important.costs.latencyMs.samples, 300)
  t.true(important.costs.latencyMs.explained > 0.6)
  t.is(important.costs.latencyMs.genes.length, important.accuracy.genes.length)
  t.regex(readFileSync(path.join(folder, 'importance.svg'), 'utf8'), /stage1\./)
  t.regex((await frugal(folder, 'importance', '1', '--samples', '300', '--genes', '3')).stdout, /best for accuracy/)

  const front = await json('front', '1')
  const knee = await json('front', '1', '--knee')
  t.is(knee.points.length, 1)
  t.true(front.points.some(({ trial }: { trial: number }) => trial === knee.points[0].trial))
  t.is(knee.hypervolume, front.hypervolume)
  t.regex((await frugal(folder, 'front', '1', '--knee')).stdout, /The knee is trial \d+: accuracy/)

  for (const [args, message] of [
    [['compare', '1'], /at least two experiments/],
    [['compare', '1', 'x'], /'x' names no experiments/],
    [['compare', '1', '=2'], /empty name/],
    [['compare', '1', '1'], /experiment 1 is named twice/],
    [['compare', 'a=1', 'a=2'], /two groups are called 'a'/],
    [['compare', '1', '99'], /no experiment 99/],
    [['compare', '1', '2', '--device', 'nowhere'], /no front for 'nowhere'/],
    [['compare', '1', '2', '--x', 'flash'], /not a cost/],
    [['importance', '1', '--x', 'flash'], /no objective of experiment 1/],
    [['importance', '1', '--samples', '5'], /--samples must be/],
  ] as const) {
    const { code, stderr } = await frugal(folder, ...args)
    t.is(code, 2, args.join(' '))
    t.regex(stderr, message)
    t.is(stderr.trim().split('\n').length, 1, stderr)
  }

  t.is((await frugal(folder, 'compare', '1', '2')).stderr, '')
  const database = new Database(path.join(folder, 'frugal.db'))
  database.exec(
    "UPDATE experiments SET settings = json_set(settings, '$.fingerprints.space', 'mobilenet@0') WHERE id = 1",
  )
  database.exec("UPDATE experiments SET dataset_digest = 'other' WHERE id = 2")
  database.exec(
    "UPDATE experiments SET settings = json_set(settings, '$.fidelity.epochs', 9, '$.limits[0]', json('{}')) WHERE id = 2",
  )
  database.close()
  t.is(
    (await frugal(folder, 'compare', '1', '2')).stderr,
    'frugal: these experiments also differ in the full training of a network (epochs, share of the data) and the limits of the device: that is part of every difference below\n',
  )
  t.regex((await frugal(folder, 'importance', '1')).stderr, /is mobilenet@.* now and was mobilenet@0 when experiment 1/)
  t.regex(
    (await frugal(folder, 'importance', '2')).stderr,
    /the data in 'builtin' are not those experiment 2 was run on/,
  )
})

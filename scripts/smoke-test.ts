/**
 * Packs the package, installs the tarball in an empty folder and uses it there: help, a short search on the built-in
 * data, its front and an export. Exit code 1 when anything is not as it should be.
 */
import { spawnSync } from 'node:child_process'
import { copyFileSync, existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'

const ROOT = path.resolve(import.meta.dirname, '..')
const folder = mkdtempSync(path.join(os.tmpdir(), 'frugal-smoke-'))

function run(command: string, args: readonly string[], cwd = folder): string {
  const result = spawnSync(command, args, {
    cwd,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
    maxBuffer: 1 << 28,
  })
  if (result.status === 0) return result.stdout
  throw new Error(
    `${command} ${args.join(' ')} ended with ${result.status ?? result.signal}\n${result.stdout}\n${result.stderr}`,
  )
}

function expect(condition: boolean, what: string): void {
  if (!condition) throw new Error(`smoke test: ${what}`)
  console.log(`smoke test: ${what}: ok`)
}

try {
  run('npm', ['pack', '--pack-destination', folder], ROOT)
  const tarball = readdirSync(folder).find((name) => name.endsWith('.tgz'))!
  const listed = run('tar', ['tzf', path.join(folder, tarball)])
  const sources = listed.replaceAll('.d.ts', '').replaceAll(/^package\/examples\/.*$/gm, '')
  expect(!/\.ts$/m.test(sources), 'the package holds no TypeScript sources')
  expect(listed.includes('package/docs/data.md\n'), 'the package holds the documents that messages name')
  writeFileSync(path.join(folder, 'package.json'), '{ "private": true }')
  copyFileSync(path.join(ROOT, '.npmrc'), path.join(folder, '.npmrc'))
  run('npm', ['install', path.join(folder, tarball)])

  const frugal = (...args: readonly string[]) =>
    run(process.execPath, ['node_modules/frugal-nas/cli/frugal.js', ...args])
  expect(frugal('--help').includes('frugal search'), 'help lists the commands')
  expect(frugal('devices').includes('stm32f446-tflm-cmsisnn'), 'devices are found')
  const space =
    "import { defineSpace, GraphBuilder, ordinal } from 'frugal-nas/spaces'\n" +
    "const genes = [ordinal('body.filters', [8, 16])]\n" +
    "export default defineSpace({ id: 'own', version: '1', title: 'own', description: '', genes: () => genes,\n" +
    '  decode(genome, task) {\n    const g = new GraphBuilder()\n' +
    '    const x = g.conv2d(g.input(task.inputShape), genes[0]!.choices[genome[0]!] as number)\n' +
    '    return g.build(g.dense(g.globalAveragePool(x), task.classCount))\n  } })\n'
  writeFileSync(path.join(folder, 'own.space.ts'), space)
  expect(frugal('spaces', 'show', './own.space.ts').includes('body.filters'), "a space of the user's own is found")
  const program =
    "import { geneOperations, loadAlgorithm, randomStream } from 'frugal-nas/search'\n" +
    "const operations = geneOperations([{ name: 'width', kind: 'ordinal', choices: [8, 16, 32] }])\n" +
    "const { create } = await loadAlgorithm('frugal')\n" +
    'const algorithm = create({ operations, objectiveCount: 2, frontCount: 1, populationSize: 20 }, randomStream(1))\n' +
    'console.log(JSON.stringify(algorithm.ask()))\n'
  writeFileSync(path.join(folder, 'ask.mjs'), program)
  expect(/^\[[012]\]\n$/.test(run(process.execPath, ['ask.mjs'])), 'a program asks an algorithm for a genome')
  const lines = frugal('search', '--json', '--trials', '4', '--epochs', '1', '--max-flash', '200KB').trim().split('\n')
  const done = JSON.parse(lines.at(-1)!) as {
    event: string
    trials: number
    failures: number
    fronts: Record<string, unknown[]>
  }
  expect(done.event === 'done' && done.trials === 4 && done.failures === 0, 'a search ends with its trials')
  expect(
    Object.values(done.fronts).every((points) => points.length > 0),
    'every device has a front',
  )
  expect(frugal('front', '--json').includes('"hypervolume"'), 'the front is there to read')
  frugal('export', '--out', 'model', '--epochs', '1')
  expect(existsSync(path.join(folder, 'model', 'model.onnx')), 'the best network is exported')
} finally {
  rmSync(folder, { recursive: true, force: true })
}

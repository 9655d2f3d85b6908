/**
 * Counts the instructions of CMSIS-NN's Helium kernels on an emulated Cortex-M55 and writes them by kind to
 * scripts/fit-profiles/helium-kernels.csv, from which the profile ra8d1-helium is derived.
 * Run: node scripts/helium/count-kernels.ts CMSIS-NN-FOLDER (needs arm-none-eabi-gcc, llvm-objdump and qemu-system-arm).
 */
import { execFileSync, spawn } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import readline from 'node:readline'
import { LINKER_SCRIPT } from '../../export/c/check-program.ts'
import { writeFileAtomic } from '../../lib/files.ts'

const KINDS: Readonly<Record<string, string>> = {
  conv2d: 'CONV2D',
  depthwiseConv2d: 'DEPTHWISE',
  dense: 'DENSE',
  add: 'ADD',
  multiply: 'MULTIPLY',
  averagePool: 'AVERAGE_POOL',
  maxPool: 'MAX_POOL',
  softmax: 'SOFTMAX',
}
const COUNTED = ['vector_memory', 'vector_arithmetic', 'scalar', 'loop_ends'] as const
type Counted = (typeof COUNTED)[number]
/** Kind, height, width, channels, filters, kernel height, kernel width, stride; padding is `same`. */
type Shape = readonly [string, number, number, number, number, number, number, number]

const shapes: readonly Shape[] = [
  ...(
    [
      [8, 8],
      [5, 5],
      [16, 16],
    ] as const
  ).flatMap(([h, w]) =>
    (
      [
        [8, 8],
        [16, 16],
        [24, 40],
        [64, 32],
        [128, 64],
        [100, 10],
      ] as const
    ).map(([c, f]): Shape => ['conv2d', h, w, c, f, 1, 1, 1]),
  ),
  ...(
    [
      [2, 8, 3, 16],
      [2, 16, 8, 8],
      [1, 12, 3, 8],
      [1, 8, 16, 16],
      [1, 8, 20, 12],
      [2, 8, 64, 64],
      [1, 5, 32, 48],
    ] as const
  ).map(([stride, size, c, f]): Shape => ['conv2d', size, size, c, f, 3, 3, stride]),
  ['conv2d', 25, 5, 1, 64, 10, 4, 2],
  ['conv2d', 10, 10, 8, 16, 5, 5, 1],
  ['conv2d', 8, 8, 32, 64, 1, 1, 2],
  ...[4, 8, 16, 24, 64, 128, 256].flatMap((c): Shape[] => [
    ['depthwiseConv2d', 8, 8, c, c, 3, 3, 1],
    ['depthwiseConv2d', 8, 8, c, c, 3, 3, 2],
    ['depthwiseConv2d', 6, 6, c, c, 5, 5, 1],
  ]),
  ...(
    [
      [16, 10],
      [64, 12],
      [64, 2],
      [128, 128],
      [640, 128],
      [128, 8],
      [8, 128],
      [256, 100],
    ] as const
  ).map(([c, f]): Shape => ['dense', 1, 1, c, f, 1, 1, 1]),
  ...['add', 'multiply'].flatMap((kind) => [64, 640, 4096].map((c): Shape => [kind, 1, 1, c, c, 1, 1, 1])),
  ...['averagePool', 'maxPool'].flatMap((kind): Shape[] => [
    ...[8, 16, 64, 256].flatMap((c): Shape[] => [
      [kind, 8, 8, c, c, 2, 2, 2],
      [kind, 8, 8, c, c, 3, 3, 2],
    ]),
    [kind, 8, 8, 64, 64, 8, 8, 8],
    [kind, 25, 5, 64, 64, 25, 5, 25],
    [kind, 7, 7, 64, 64, 3, 3, 1],
  ]),
  ...[2, 10, 12, 100].map((c): Shape => ['softmax', 1, 1, c, c, 1, 1, 1]),
]

/** Where each instruction of the program lies among what is counted; addresses in hexadecimal digits. */
function instructionsOf(elf: string): { readonly kinds: ReadonlyMap<string, Counted>; readonly mark: string } {
  const kinds = new Map<string, Counted>()
  let mark = ''
  // GNU's objdump names Helium's loads after coprocessors.
  const listing = execFileSync('llvm-objdump', ['-d', '--no-show-raw-insn', '--mcpu=cortex-m55', elf], {
    encoding: 'utf8',
    maxBuffer: 1 << 28,
  })
  for (const line of listing.split('\n')) {
    const [, symbol, named] = /^([0-9a-f]{8}) <(.+)>:$/.exec(line) ?? []
    if (named === 'mark') mark = symbol!
    const [, address, name] = /^\s*([0-9a-f]+):\s+([a-z]\S*)/.exec(line) ?? []
    if (address === undefined) continue
    const kind = /^v(ld|st|push|pop)/.test(name!)
      ? 'vector_memory'
      : /^v(?!pst|ctp|msr|mrs)/.test(name!)
        ? 'vector_arithmetic'
        : /^(le|letp)$/.test(name!)
          ? 'loop_ends'
          : 'scalar'
    kinds.set(address.padStart(8, '0'), kind)
  }
  return { kinds, mark }
}

const cmsis = process.argv[2]
if (cmsis === undefined) throw new Error('give the folder of the CMSIS-NN sources')
const folder = mkdtempSync(path.join(os.tmpdir(), 'frugal-helium-'))
try {
  const elf = path.join(folder, 'kernels.elf')
  const rows = shapes.map(([kind, ...sizes]) => `{${[KINDS[kind], ...sizes].join(', ')}},\n`)
  writeFileSync(path.join(folder, 'shapes.h'), rows.join(''))
  writeFileSync(path.join(folder, 'link.ld'), LINKER_SCRIPT)
  const sources = ['Convolution', 'NNSupport', 'BasicMath', 'Pooling', 'FullyConnected', 'Softmax', 'Transpose']
    .map((name) => path.join(cmsis, 'Source', `${name}Functions`))
    .flatMap((where) => readdirSync(where).map((file) => path.join(where, file)))
    .filter((file) => /(_s8|nntables).*\.c$/.test(file) && !/s4|s16\.c$/.test(file))
  execFileSync('arm-none-eabi-gcc', [
    ...['-O3', '-mcpu=cortex-m55', '-mfloat-abi=hard', '-mthumb', '-ffunction-sections', '-Wl,--gc-sections'],
    ...['-nostartfiles', '-T', path.join(folder, 'link.ld'), '-Wl,--defsym=memory_bytes=512K', '-I', folder],
    ...['-I', path.join(cmsis, 'Include'), path.join(import.meta.dirname, 'kernels.c'), ...sources, '-o', elf],
  ])
  const { kinds, mark } = instructionsOf(elf)
  const emulator = spawn(
    'qemu-system-arm',
    ['-M', 'mps3-an547', '-display', 'none', '-semihosting', '-kernel', elf, '-singlestep', '-d', 'exec,nochain'],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  )
  const counts: Record<Counted, number>[] = []
  let open = false
  for await (const line of readline.createInterface({ input: emulator.stderr })) {
    const [, address] = /^Trace \d+: \S+ \[\w+\/(\w+)\//.exec(line) ?? []
    if (address === undefined) continue
    if (address === mark) {
      open = !open
      if (open) counts.push({ vector_memory: 0, vector_arithmetic: 0, scalar: 0, loop_ends: 0 })
    }
    const kind = kinds.get(address)
    if (open && kind !== undefined) counts.at(-1)![kind]++
  }
  if (counts.length !== shapes.length || open) throw new Error(`${counts.length} of ${shapes.length} kernels ran`)
  const header = [
    'kind',
    'height',
    'width',
    'channels',
    'filters',
    'kernel_height',
    'kernel_width',
    'stride',
    ...COUNTED,
  ]
  const lines = [header, ...shapes.map((shape, i) => [...shape, ...COUNTED.map((name) => counts[i]![name])])]
  const file = path.join(import.meta.dirname, '..', 'fit-profiles', 'helium-kernels.csv')
  writeFileAtomic(file, `${lines.map((line) => line.join(',')).join('\n')}\n`)
} finally {
  rmSync(folder, { recursive: true, force: true })
}

import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { OperationalError } from '../../lib/errors.ts'
import { countInstructions, linkedFlash } from './measure-c.ts'
import { BOARDS, type Board, boardBuild, boardRun, findTool, HOST_FLAGS, runTool } from './toolchain.ts'

/** One run of the C somewhere, or why there was none. */
export interface CRun {
  readonly target: string
  /** What built it and what ran it; why it was not verified here; or what it did instead of what it should. */
  readonly how: string
  /** It ran, or should have, and did something else than the reference. */
  readonly failed: boolean
  /** 0 when it was not verified, or failed. */
  readonly samples: number
  /** Bytes of the arena that the runs wrote to. */
  readonly arenaBytes: number
  /** Bytes of the stack that one run took; undefined where it was not measured. */
  readonly stackBytes?: number | undefined
}

export interface CVerification {
  readonly runs: readonly CRun[]
  /** Stack of one run on the emulated Cortex-M4; undefined where it did not run. */
  readonly stackBytes: number | undefined
  /** Flash of the smallest program (`main.c`) linked for a Cortex-M4; undefined without the compiler. */
  readonly flashBytes: number | undefined
  /** Instructions of each layer of `CModel` on an emulated Cortex-M4; undefined where they were not counted. */
  readonly instructions: readonly number[] | undefined
}

export interface CVerificationJob {
  /** Every file of the C folder but the samples. */
  readonly files: ReadonlyMap<string, string>
  readonly inputs: Int8Array
  /** What the reference gives for them. */
  readonly expected: Int8Array
  readonly samples: number
  /** How many of the samples run on emulated boards. */
  readonly emulatedSamples: number
  /** What the smallest program is linked of; `main.c` and `model.c` where left out. */
  readonly sources?: readonly string[]
}

/** Programs that C is verified with. */
export const HOST_COMPILERS: readonly string[] = ['cc', 'gcc', 'clang']
export const ARM_COMPILER = 'arm-none-eabi-gcc'
export const EMULATOR = 'qemu-system-arm'

/**
 * Compiles the C with every compiler that is there and runs it on the samples. Where it does not compile, fails, or gives
 * an output that the reference does not, the run of that target says so, and the others go on.
 */
export async function verifyC(job: CVerificationJob): Promise<CVerification> {
  const root = mkdtempSync(path.join(os.tmpdir(), 'frugal-c-'))
  /** Each target has a copy, since all of them run at the same time. */
  const copy = (name: string): string => {
    const folder = path.join(root, name)
    mkdirSync(folder)
    for (const [file, text] of job.files) writeFileSync(path.join(folder, file), text)
    return folder
  }
  try {
    const compiler = findTool(ARM_COMPILER)
    const emulator = findTool(EMULATOR)
    const runs = await Promise.all([
      runOf(`host (${process.arch})`, (target) => onHost(job, copy('host'), target)),
      ...BOARDS.map((board) =>
        runOf(`emulated ${board.cpu} (${board.machine})`, (target) =>
          onBoard(job, copy(board.cpu), target, board, compiler, emulator),
        ),
      ),
    ])
    const { samples, stackBytes } = runs[1]!
    if (compiler === undefined) return { runs, stackBytes, flashBytes: undefined, instructions: undefined }
    const folder = path.join(root, BOARDS[0]!.cpu)
    writeFileSync(path.join(folder, 'inputs.bin'), firstSamples(job, job.inputs, 1))
    return {
      runs,
      stackBytes,
      flashBytes: await linkedFlash(folder, compiler, job.sources),
      instructions: samples > 0 ? await countInstructions(folder, compiler, emulator!) : undefined,
    }
  } finally {
    rmSync(root, { recursive: true, force: true })
  }
}

/** What came of one target: one that fails takes nothing from the others. */
async function runOf(target: string, run: (target: string) => Promise<CRun>): Promise<CRun> {
  try {
    return await run(target)
  } catch (error) {
    if (!(error instanceof OperationalError)) throw error
    return { target, how: error.message, failed: true, samples: 0, arenaBytes: 0 }
  }
}

const notVerified = (target: string, why: string): CRun => ({
  target,
  how: `not verified here: ${why}`,
  failed: false,
  samples: 0,
  arenaBytes: 0,
})

async function onHost(job: CVerificationJob, folder: string, target: string): Promise<CRun> {
  const compiler = findTool(...HOST_COMPILERS)
  if (compiler === undefined) return notVerified(target, `no ${HOST_COMPILERS.join(', ')}`)
  const built = await runTool(compiler, [...HOST_FLAGS, 'check.c', '-o', 'check'], folder)
  if (!built.ok) throw new OperationalError(`it does not compile: ${built.problem}`)
  const used = await compare(job, job.samples, folder, path.join(folder, 'check'), [])
  if (used === undefined) return notVerified(target, `it needs too long for ${job.samples} samples`)
  return { target, how: await versionOf(compiler, folder), failed: false, samples: job.samples, ...used }
}

async function onBoard(
  job: CVerificationJob,
  folder: string,
  target: string,
  board: Board,
  compiler: string | undefined,
  emulator: string | undefined,
): Promise<CRun> {
  if (compiler === undefined) return notVerified(target, `no ${ARM_COMPILER}`)
  if (emulator === undefined) return notVerified(target, `no ${EMULATOR}`)
  if (!(await runTool(emulator, ['-machine', 'help'], folder)).stdout.includes(board.machine)) {
    return notVerified(target, `this ${EMULATOR} has no such board`)
  }
  const built = await runTool(compiler, boardBuild(board), folder)
  if (!built.ok) {
    if (/will not fit|overflowed/.test(built.problem)) return notVerified(target, 'larger than the emulated board')
    if (/string\.h: No such file|cannot find -lc/.test(built.problem)) {
      return notVerified(target, `no C library for ${ARM_COMPILER} (Debian: libnewlib-arm-none-eabi)`)
    }
    throw new OperationalError(`it does not compile: ${built.problem}`)
  }
  const used = await compare(job, job.emulatedSamples, folder, emulator, boardRun(board))
  if (used === undefined) return notVerified(target, `the emulator needs too long for ${job.emulatedSamples} samples`)
  const how = `${await versionOf(compiler, folder)}; ${await versionOf(emulator, folder)}`
  return { target, how, failed: false, samples: job.emulatedSamples, ...used }
}

/** The values of the first samples. */
const firstSamples = (job: CVerificationJob, values: Int8Array, samples: number): Int8Array =>
  values.subarray(0, (values.length / job.samples) * samples)

/**
 * Runs the check program on the first samples.
 * @returns how much of the arena and of the stack it wrote to; undefined when it was given up.
 * @throws OperationalError when it does not run, or gives an output that the reference does not.
 */
async function compare(
  job: CVerificationJob,
  samples: number,
  folder: string,
  program: string,
  args: readonly string[],
): Promise<Pick<CRun, 'arenaBytes' | 'stackBytes'> | undefined> {
  writeFileSync(path.join(folder, 'inputs.bin'), firstSamples(job, job.inputs, samples))
  rmSync(path.join(folder, 'outputs.bin'), { force: true })
  const ran = await runTool(program, args, folder)
  if (ran.timedOut) return undefined
  // QEMU writes what a program says to standard error.
  const said = /samples (\d+) arena (\d+) of \d+(?: stack (\d+))?/.exec(ran.stdout + ran.stderr)
  if (!ran.ok || said === null) throw new OperationalError(`it does not run: ${ran.problem}`)
  const outputs = readFileSync(path.join(folder, 'outputs.bin'))
  const expected = Buffer.from(new Uint8Array(firstSamples(job, job.expected, samples)))
  if (!outputs.equals(expected)) {
    const differing = [...expected.keys()].filter((i) => expected[i] !== outputs[i])
    const sample = Math.floor(differing[0]! / (job.expected.length / job.samples))
    throw new OperationalError(
      `it gives other outputs than the reference: ${differing.length} of ${expected.length}, first for sample ${sample}`,
    )
  }
  return { arenaBytes: Number(said[2]), stackBytes: said[3] === undefined ? undefined : Number(said[3]) }
}

const versionOf = async (tool: string, folder: string): Promise<string> =>
  (await runTool(tool, ['--version'], folder)).stdout.split('\n')[0]!.trim()

import { execFile } from 'node:child_process'
import { accessSync, constants } from 'node:fs'
import path from 'node:path'

/** The first of some programs that is on the path. */
export function findTool(...names: readonly string[]): string | undefined {
  const folders = (process.env['PATH'] ?? '').split(path.delimiter).filter((folder) => path.isAbsolute(folder))
  for (const name of names) {
    for (const folder of folders) {
      const file = path.join(folder, name)
      try {
        accessSync(file, constants.X_OK)
        return file
      } catch {
        // Not in this folder.
      }
    }
  }
  return undefined
}

export interface Ran {
  readonly ok: boolean
  readonly stdout: string
  readonly stderr: string
  /** What went wrong, in a line. */
  readonly problem: string
  readonly timedOut: boolean
}

const TIMEOUT_MS = 600_000

/** Runs a program without a shell, and in English: what compilers say is read. Never rejects. */
export function runTool(file: string, args: readonly string[], cwd: string): Promise<Ran> {
  const options = { cwd, env: { ...process.env, LC_ALL: 'C' }, timeout: TIMEOUT_MS, maxBuffer: 1 << 24 }
  return new Promise((resolve) => {
    execFile(file, [...args], options, (error, stdout, stderr) => {
      const lines = `${stderr}\n${error?.message ?? ''}`.split('\n').filter((line) => line.trim() !== '')
      const reason = lines.find((line) => /error|cannot|will not fit/i.test(line)) ?? lines[0] ?? ''
      resolve({
        ok: error === null,
        stdout,
        stderr,
        problem: error?.killed ? `given up after ${TIMEOUT_MS / 1000} s` : reason,
        timedOut: error?.killed === true,
      })
    })
  })
}

/** An emulated board and how to build for it. */
export interface Board {
  readonly cpu: string
  readonly machine: string
  readonly flags: readonly string[]
  /** Of ROM and of RAM. */
  readonly memoryBytes: number
}

export const BOARDS: readonly Board[] = [
  { cpu: 'cortex-m4', machine: 'mps2-an386', flags: ['-mfpu=fpv4-sp-d16'], memoryBytes: 4 << 20 },
  { cpu: 'cortex-m7', machine: 'mps2-an500', flags: ['-mfpu=fpv5-sp-d16'], memoryBytes: 4 << 20 },
  { cpu: 'cortex-m55', machine: 'mps3-an547', flags: [], memoryBytes: 512 << 10 },
]

export const HOST_FLAGS: readonly string[] = ['-std=c99', '-O2']

/** Arguments that link some sources with the start-up code for a board. */
export const boardLink = (board: Board, sources: readonly string[], out: string): readonly string[] => [
  ...boardCompile(board),
  '-nostartfiles',
  '-T',
  'link.ld',
  `-Wl,--defsym=memory_bytes=${board.memoryBytes}`,
  'start.c',
  ...sources,
  '-o',
  out,
]

/** Arguments that build the check program for a board. */
export const boardBuild = (board: Board): readonly string[] => boardLink(board, ['check.c'], `${board.cpu}.elf`)

export const boardCompile = ({ cpu, flags }: Pick<Board, 'cpu' | 'flags'>): readonly string[] => [
  '-std=c99',
  '-O2',
  '-mthumb',
  `-mcpu=${cpu}`,
  ...flags,
  '-mfloat-abi=hard',
  '-ffreestanding',
]

/** Arguments that run it. Semihosting lets it read and write files beside it. */
export const boardRun = ({ cpu, machine }: Board, program = `${cpu}.elf`): readonly string[] => [
  '-M',
  machine,
  '-display',
  'none',
  '-monitor',
  'none',
  '-serial',
  'null',
  '-semihosting-config',
  'enable=on,target=native',
  '-kernel',
  program,
]

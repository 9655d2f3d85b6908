import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import type { ExecutionContext } from 'ava'

export const FRUGAL = path.resolve(import.meta.dirname, '../../cli/frugal.js')

export interface Finished {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
}

export interface Running {
  readonly finished: Promise<Finished>
  kill(signal: NodeJS.Signals): void
  /** Resolves when a line of standard output matches. */
  line(pattern: RegExp): Promise<string>
}

/** Starts the command line as a user would, in a folder of its own. */
export function start(cwd: string, ...args: readonly string[]): Running {
  const child = spawn(process.execPath, [FRUGAL, ...args], {
    cwd,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, NO_COLOR: '1' },
  })
  let stdout = ''
  let stderr = ''
  const watchers = new Set<() => void>()
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text
    for (const watch of watchers) watch()
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text
  })
  const finished = new Promise<Finished>((resolve) => {
    child.on('close', (code, signal) => resolve({ code, signal, stdout, stderr }))
  })
  return {
    finished,
    kill: (signal) => void child.kill(signal),
    line: (pattern) =>
      new Promise((resolve, reject) => {
        const watch = () => {
          const found = stdout.split('\n').find((line) => pattern.test(line))
          if (found === undefined) return
          watchers.delete(watch)
          resolve(found)
        }
        watchers.add(watch)
        watch()
        finished.then(() => reject(new Error(`ended without a line like ${pattern}: ${stdout}${stderr}`)))
      }),
  }
}

export const frugal = (cwd: string, ...args: readonly string[]): Promise<Finished> => start(cwd, ...args).finished

/** A folder that goes with the test. */
export function temporaryFolder(t: ExecutionContext): string {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'frugal-cli-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true, maxRetries: 3 }))
  return folder
}

/** Flags of a search that takes seconds. */
export const QUICK = ['--epochs', '1', '--data-fraction', '0.1', '--max-flash', '160KB'] as const

import { existsSync, readdirSync, rmdirSync, rmSync } from 'node:fs'
import path from 'node:path'
import { makeFolder } from '../../lib/files.ts'

const ENDING = '.checkpoint'
/** What a process that was killed while it wrote a checkpoint leaves behind. */
const LEFTOVER = /\.checkpoint\.\d+-\d+\.tmp$/

/** The folder of one experiment's checkpoints: what trainings can go on from. Losing it costs time and nothing else. */
export class CheckpointFolder {
  /** Absolute. */
  readonly directory: string

  constructor(directory: string) {
    this.directory = path.resolve(directory)
  }

  /** Makes sure that the folder is there, for trainings to write to; no other search may be at work in it. */
  create(): void {
    makeFolder(this.directory)
    for (const file of readdirSync(this.directory)) if (LEFTOVER.test(file)) this.#remove(file)
  }

  has(name: string): boolean {
    return existsSync(path.join(this.directory, name + ENDING))
  }

  /** Removes a checkpoint that is good for nothing. */
  discard(name: string): void {
    this.#remove(name + ENDING)
  }

  /** Removes all other checkpoints; other files are left alone. */
  keepOnly(names: ReadonlySet<string>): void {
    if (!existsSync(this.directory)) return
    for (const file of readdirSync(this.directory)) {
      if (file.endsWith(ENDING) && !names.has(file.slice(0, -ENDING.length))) this.#remove(file)
    }
  }

  /** Removes all checkpoints, the folder and the one around it; folders that hold other things stay, as do links and mounts. */
  remove(): void {
    this.keepOnly(new Set())
    for (const folder of [this.directory, path.dirname(this.directory)]) {
      try {
        rmdirSync(folder)
      } catch {
        return
      }
    }
  }

  #remove(file: string): void {
    rmSync(path.join(this.directory, file), { force: true })
  }
}

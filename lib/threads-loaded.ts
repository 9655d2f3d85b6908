import { setTimeout as delay } from 'node:timers/promises'

/** Threads that do not load within this many times 5 ms are not waited for. */
const MOST_WAITS = 2000

/**
 * Waits for threads of a pool that are still loading: Node ends the whole process when a thread is ended meanwhile.
 * @param loaded how many have, counted by the threads themselves in shared memory
 */
export async function threadsLoaded(
  { threads }: { readonly threads: readonly unknown[] },
  loaded: Int32Array,
): Promise<void> {
  for (let waits = 0; Atomics.load(loaded, 0) < threads.length && waits < MOST_WAITS; waits++) await delay(5)
}

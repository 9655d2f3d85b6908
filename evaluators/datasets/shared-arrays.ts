import { UserError } from '../../lib/errors.ts'

const MAX_SHARED_BYTES = 2 ** 32

/** Memory that `postMessage` hands to worker threads without a copy. */
function shared(bytes: number): SharedArrayBuffer {
  if (bytes > MAX_SHARED_BYTES) {
    throw new UserError(
      `the data set needs ${bytes} bytes of memory: at most ${MAX_SHARED_BYTES} are used, take a part`,
    )
  }
  return new SharedArrayBuffer(bytes)
}

/** Typed arrays of `length` zeros over shared memory. @throws UserError beyond 4 GiB. */
export const sharedUint8 = (length: number): Uint8Array => new Uint8Array(shared(length))
export const sharedInt8 = (length: number): Int8Array => new Int8Array(shared(length))
export const sharedFloat32 = (length: number): Float32Array => new Float32Array(shared(4 * length))
export const sharedInt32 = (length: number): Int32Array => new Int32Array(shared(4 * length))

/** A copy over shared memory. */
export function sharedUint32(values: ArrayLike<number>): Uint32Array {
  const array = new Uint32Array(shared(4 * values.length))
  array.set(values)
  return array
}

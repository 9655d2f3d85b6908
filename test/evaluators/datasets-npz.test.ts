import path from 'node:path'
import test from 'ava'
import { strToU8, zipSync } from 'fflate'
import { fixture, load, refuses, temporaryFolder, writeFiles } from './datasets-support.ts'

const ramp = (scale: number, offset = 0) => Array.from({ length: 72 }, (_, i) => i * scale + offset)

for (const [name, type, expected] of [
  ['plain.npz', Uint8Array, ramp(1)],
  ['compressed.npz', Uint8Array, ramp(1)],
  ['signed.npz', Int8Array, ramp(1, -36)],
  ['int64.npz', Uint8Array, ramp(3)],
  ['wide.npz', Float32Array, ramp(100)],
  ['float64.npz', Float32Array, ramp(1).map((value) => Math.fround(value / 7))],
] as const) {
  test(`${name} as NumPy wrote it`, async (t) => {
    const dataset = await load(fixture(name))
    t.true(dataset.samples instanceof type)
    t.deepEqual([...dataset.samples], expected)
    t.deepEqual(dataset.inputShape, [4, 3, 1])
    t.deepEqual([...dataset.labels], [0, 1, 0, 1, 0, 1])
    t.is(dataset.kind, 'spectrogram')
  })
}

test('parts with keys of their own keep their samples apart', async (t) => {
  const { splits } = await load(fixture('parts.npz'))
  const sorted = (indices: Uint32Array) => [...indices].sort((a, b) => a - b)
  t.deepEqual(sorted(splits.train), [0, 1, 2, 3, 4, 5])
  t.deepEqual(sorted(splits.validation), [6, 7])
  t.deepEqual(sorted(splits.test), [8, 9, 10, 11])
})

for (const [name, pattern] of [
  ['object.npz', /object\.npz\/y\.npy' holds pickled Python objects: they are never loaded/],
  ['big-endian.npz', /x\.npy' has element type '>i2': save it as uint8/],
  ['fortran.npz', /x\.npy' is in Fortran order/],
  ['channels-first.npz', /has shape \(6, 3, 8, 8\), channels first: apply \.transpose\(0, 2, 3, 1\)/],
  ['not-a-number.npz', /x\.npy' holds NaN in sample 1: every value must be a finite number/],
] as const) {
  test(`${name} is refused`, (t) => refuses(t, fixture(name), pattern))
}

/** A `.npy` array of unsigned bytes. */
function npy(shape: readonly number[], values: ArrayLike<number>, type = '|u1'): Uint8Array {
  const header = `{'descr': '${type}', 'fortran_order': False, 'shape': (${shape.map((n) => `${n},`).join(' ')}), }\n`
  const bytes = new Uint8Array(10 + header.length + values.length)
  bytes.set([0x93, ...strToU8('NUMPY'), 1, 0, header.length & 255, header.length >> 8, ...strToU8(header)])
  bytes.set(values, 10 + header.length)
  return bytes
}

const good = {
  'x.npy': npy(
    [6, 2, 2],
    new Uint8Array(24).map((_, i) => i),
  ),
  'y.npy': npy([6], [0, 1, 0, 1, 0, 1]),
}

test('archives that are not what they should be are refused', async (t) => {
  const folder = temporaryFolder(t)
  const file = path.join(folder, 'data.npz')
  const broken = async (files: Record<string, Uint8Array>, pattern: RegExp) => {
    writeFiles(folder, { 'data.npz': zipSync(files) })
    await refuses(t, file, pattern)
  }
  await broken({}, /holds the arrays \(none\): it must hold x and y/)
  await broken({ 'a.npy': good['x.npy'] }, /holds the arrays a: it must hold x and y/)
  await broken({ 'x.npy': good['x.npy'] }, /holds x but not y/)
  await broken({ ...good, '../../evil.npy': good['x.npy'] }, /holds the unsafe name "\.\.\/\.\.\/evil\.npy"/)
  await broken({ ...good, '/etc/evil.npy': good['x.npy'] }, /holds the unsafe name "\/etc\/evil\.npy"/)
  await broken({ ...good, 'y.npy': npy([5], [0, 1, 0, 1, 0]) }, /y\.npy' has shape \(5\): x holds 6 samples/)
  const oneHot = npy([6, 2], [0, 1, 0, 1, 0, 1, 1, 0, 1, 0, 1, 0])
  await broken(
    { ...good, 'y.npy': oneHot },
    /y must have shape \(6,\): of a column for each class, save \.argmax\(1\)$/,
  )
  const fromOne = npy([6], [1, 2, 1, 2, 1, 2])
  await broken(
    { ...good, 'y.npy': fromOne },
    /labels must start at 0, .*: where they start at 1, subtract 1 before saving$/,
  )
  await broken({ ...good, 'y.npy': npy([6], [0, 1, 17, 1, 0, 1]) }, /y\.npy' has label 17 at index 2/)
  await broken({ ...good, 'x.npy': npy([6, 4], new Uint8Array(24)) }, /x\.npy' has shape \(6, 4\): \(samples, height/)
  await broken({ ...good, 'x.npy': npy([7, 2, 2], new Uint8Array(24)) }, /holds 24 bytes of values: .* needs 28/)
  await broken({ ...good, 'x.npy': strToU8('something else') }, /x\.npy' is no NumPy array/)
  await broken({ ...good, 'x.npy': good['x.npy'].subarray(0, 40) }, /x\.npy' ends inside its header/)
  const both = { ...good, 'x_train.npy': good['x.npy'], 'y_train.npy': good['y.npy'] }
  await broken(both, /holds the arrays x, y, x_train, y_train: it must hold/)
})

test('damage and decompression bombs are found', async (t) => {
  const folder = temporaryFolder(t)
  const file = path.join(folder, 'data.npz')
  const broken = async (data: Uint8Array | string, pattern: RegExp) => {
    writeFiles(folder, { 'data.npz': data })
    await refuses(t, file, pattern)
  }
  const stored = zipSync(good, { level: 0 })
  await broken('', /data\.npz' is empty/)
  await broken('PK', /has only 2 bytes/)
  await broken(stored.subarray(0, stored.length - 60), /is no intact zip archive/)
  const flipped = Uint8Array.from(stored)
  flipped[110]! ^= 1
  await broken(flipped, /x\.npy' is damaged \(size or checksum differ\)/)

  // The directory announces sizes; lie about the first one there.
  const packed = zipSync({ 'x.npy': new Uint8Array(1 << 20), 'y.npy': good['y.npy'] })
  const view = new DataView(packed.buffer, packed.byteOffset, packed.byteLength)
  const directory = view.getUint32(packed.length - 22 + 16, true)
  view.setUint32(directory + 24, 1000, true)
  await broken(packed, /x\.npy' cannot be decompressed to the 1000 bytes it announces/)
  view.setUint32(directory + 24, 0xffff_fff0, true)
  await broken(packed, /decompresses to 4294967280 bytes or more: at most 2147483647/)
  view.setUint32(directory, 0)
  await broken(packed, /has a damaged zip directory/)
})

test('a folder with one archive stands for it; with two it does not', async (t) => {
  const folder = temporaryFolder(t)
  writeFiles(folder, { 'a.npz': zipSync(good), 'readme.txt': 'hello' })
  t.is((await load(folder)).digest, (await load(path.join(folder, 'a.npz'))).digest)
  writeFiles(folder, { 'b.npz': zipSync(good) })
  await refuses(t, folder, /holds 2 NPZ files \(a\.npz, b\.npz\): name the one to use/)
})

test('arrays that lie in a folder one by one are the same data set', async (t) => {
  const folder = temporaryFolder(t)
  writeFiles(folder, { 'all.npz': zipSync(good), 'loose/x.npy': good['x.npy'], 'loose/y.npy': good['y.npy'] })
  writeFiles(folder, { 'loose/notes.npy': 'not read' })
  const loose = path.join(folder, 'loose')
  const [archive, arrays] = [await load(path.join(folder, 'all.npz')), await load(loose)]
  t.deepEqual(arrays.samples, archive.samples)
  t.deepEqual(arrays.labels, archive.labels)
  t.is(arrays.digest, archive.digest)
  writeFiles(folder, { 'loose/x_test.npy': good['x.npy'] })
  await refuses(t, loose, /loose' holds x_test but not y_test: it must hold x and y, or x_train/)
})

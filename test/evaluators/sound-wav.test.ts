import test from 'ava'
import { createResampler } from '../../evaluators/datasets/sound/resample.ts'
import { decodeMono, readWavFormat } from '../../evaluators/datasets/sound/wav.ts'
import { wav } from './sound-support.ts'

const VALUES = [0, 0.5, -0.5, 0.25, -1, 0.125, 0.75, -0.75]
const EXPECTED = VALUES.map((value) => value * 32768)

const decode = (file: Buffer, first = 0, length?: number): number[] => {
  const format = readWavFormat(file, file.length)!
  return [...decodeMono(file, format, first, length ?? format.length)]
}

for (const [name, options] of [
  ['8 bits', { bits: 8 }],
  ['16 bits', {}],
  ['24 bits', { bits: 24 }],
  ['32 bits', { bits: 32 }],
  ['float of 32 bits', { bits: 32, float: true }],
  ['float of 64 bits', { bits: 64, float: true }],
  ['extensible, 16 bits', { extensible: true }],
  ['extensible, float', { extensible: true, bits: 32, float: true }],
  ['an odd chunk before the sound', { between: 7 }],
] as const) {
  test(`${name}: the same 16-bit samples`, (t) => {
    t.deepEqual(decode(wav(VALUES, options)), EXPECTED)
  })
}

test('channels are averaged, beyond the range is cut, and what lies outside is silence', (t) => {
  t.deepEqual(decode(wav([0.5, 0.25, -0.5, 0.5], { channels: 2 })), [12288, 0])
  t.deepEqual(decode(wav([1.5, -2, 0.1], { bits: 32, float: true })), [32767, -32768, 3277])
  t.deepEqual(decode(wav(VALUES), -2, 4), [0, 0, 0, 16384])
  t.deepEqual(decode(wav(VALUES), 6, 4), [24576, -24576, 0, 0])
  t.deepEqual(decode(wav([1 / 65536, 1 / 131072, -1 / 65536], { bits: 32 })), [1, 0, 0])
})

test('a header that lies beyond the start of the file asks for more', (t) => {
  const file = wav(VALUES, { between: 5000 })
  t.is(readWavFormat(file.subarray(0, 4096), file.length), undefined)
  t.is(readWavFormat(file.subarray(0, 40), file.length), undefined)
  t.is(readWavFormat(file, file.length)!.length, VALUES.length)
})

test('what is wrong with a file is said', (t) => {
  const good = wav(VALUES)
  const says = (change: (file: Buffer) => unknown, message: RegExp) => {
    const copy = Buffer.from(good)
    const changed = change(copy)
    t.throws(() => decode(changed instanceof Buffer ? changed : copy), { message })
  }
  says(() => Buffer.from('ID3'), /is no WAV file/)
  says((file) => file.write('RIFX'), /is no WAV file/)
  says((file) => file.subarray(0, 30), /is cut short/)
  says((file) => file.subarray(0, 36), /holds no sound/)
  says((file) => file.subarray(0, 50), /is cut short \(6 of 16 bytes of sound are there\)/)
  says((file) => file.writeUInt32LE(0xffffffff, 40), /is cut short \(16 of 4294967295 bytes/)
  says((file) => file.writeUInt32LE(0xfffffff0, 16), /is cut short/)
  says((file) => file.writeUInt32LE(0, 40), /holds no sound/)
  says((file) => file.writeUInt32LE(1, 40), /holds no sound/)
  says((file) => file.writeUInt32LE(8, 16), /is cut short/)
  says((file) => file.write('data', 12), /has sound before its format/)
  says((file) => file.writeUInt16LE(0, 22), /has 0 channels; 1 to 64/)
  says((file) => file.writeUInt16LE(65535, 22), /has 65535 channels/)
  says((file) => file.writeUInt32LE(0, 24), /has a sample rate of 0 Hz; 4000 to 192000/)
  says((file) => file.writeUInt16LE(17, 20), /holds 16 bits a sample in format 17/)
  says((file) => file.writeUInt16LE(3, 20), /holds 16 bits a sample in format 3/)
  says((file) => file.writeUInt16LE(0xfffe, 20), /in format 65534/)
  says((file) => file.writeUInt16LE(3, 32), /holds 16 bits/)
  says((file) => file.writeUInt16LE(0, 32), /holds 16 bits/)
  says((file) => file.writeUInt16LE(24, 34), /holds 24 bits/)
  t.throws(() => decode(wav([0, Number.NaN], { bits: 32, float: true })), { message: /is no number at sample 1/ })
})

test('samples of 20 bits lie at the upper end of 24', (t) => {
  const file = wav(VALUES, { bits: 24 })
  file.writeUInt16LE(20, 34)
  t.deepEqual(decode(file), EXPECTED)
})

test('resampling keeps tones below the lower rate’s half and takes away those above', (t) => {
  const sine = (hertz: number, rate: number, seconds: number) =>
    Int16Array.from({ length: rate * seconds }, (_, i) =>
      Math.round(10_000 * Math.sin((2 * Math.PI * hertz * i) / rate)),
    )
  for (const [from, to] of [
    [44_100, 16_000],
    [8000, 16_000],
    [48_000, 16_000],
  ] as const) {
    const out = createResampler(from, to)(sine(1000, from, 0.2))
    t.is(out.length, to * 0.2)
    const expected = sine(1000, to, 0.2)
    // At both ends the kernel reaches into silence.
    const worst = Math.max(...expected.subarray(200, -200).map((value, i) => Math.abs(value - out[i + 200]!)))
    t.true(worst <= 20, `${from} to ${to}: ${worst}`)
  }
  const above = createResampler(44_100, 16_000)(sine(10_000, 44_100, 0.2))
  t.true(Math.max(...above.subarray(200, -200)) <= 40)
})

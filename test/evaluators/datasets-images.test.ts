import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, symlinkSync } from 'node:fs'
import path from 'node:path'
import { crc32, deflateSync } from 'node:zlib'
import test from 'ava'
import { encode } from 'fast-png'
import { dataNotes } from '../../cli/actions/search-notes.ts'
import { decodeImage, imageSize } from '../../evaluators/datasets/image-codec.ts'
import { fixture, load, range, refuses, temporaryFolder, writeFiles } from './datasets-support.ts'

const HEIGHT = 5
const WIDTH = 6
type Pixel = (x: number, y: number) => readonly [number, number, number]
const grey = (value: number) => [value, value, value] as const
const picture = (pixel: Pixel): number[] =>
  Array.from({ length: HEIGHT * WIDTH }, (_, i) => pixel(i % WIDTH, Math.floor(i / WIDTH))).flat()
const decodeFixture = (name: string) => decodeImage(readFileSync(fixture(name)))
const opaque = (x: number, y: number) => [x * 40, y * 50, (x + y) * 20] as const

const PALETTE = [grey(0), [255, 0, 0], [0, 255, 0], [0, 0, 255]] as const
for (const [name, pixel] of [
  ['grey8.png', (x, y) => grey(x * 40 + y)],
  ['grey16.png', (x, y) => grey(x * 40 + y)],
  ['grey1.png', (x, y) => grey(((x + y) % 2) * 255)],
  ['rgb8.png', opaque],
  [
    'rgba8.png',
    (x, y) => opaque(x, y).map((value) => Math.round((value * x) / 5)) as unknown as [number, number, number],
  ],
  ['palette.png', (x) => PALETTE[x % 4]!],
  ['interlaced8.png', (x, y) => grey(x * 40 + y)],
] as const satisfies readonly (readonly [string, Pixel])[]) {
  test(`${name} decodes to its pixels`, (t) => {
    const image = decodeFixture(name)
    t.deepEqual([image.width, image.height], [WIDTH, HEIGHT])
    t.deepEqual([...image.pixels], picture(pixel))
  })
}

for (const name of ['rgb-baseline.jpg', 'rgb-progressive.jpg', 'grey.jpg']) {
  test(`${name} decodes to nearly its pixels`, (t) => {
    const image = decodeFixture(name)
    t.deepEqual([image.width, image.height], [24, 16])
    t.deepEqual(imageSize(readFileSync(fixture(name))), { width: 24, height: 16 })
    const expected = (i: number) => (name === 'grey.jpg' ? (Math.floor(i / 3) % 24) * 10 : [200, 100, 50][i % 3]!)
    t.true(image.pixels.every((value, i) => Math.abs(value - expected(i)) <= 4))
  })
}

const png = (height: number, width: number, channels: number, value: (i: number) => number): Uint8Array =>
  encode({ width, height, channels, data: range(height * width * channels, value) })

test('broken and hostile images are refused', (t) => {
  const good = png(8, 8, 3, (i) => i)
  const says = (bytes: Uint8Array, message: RegExp) => t.throws(() => decodeImage(bytes), { message })
  says(Buffer.from('GIF89a'), /neither a PNG nor a JPEG/)
  says(good.subarray(0, 20), /is cut short/)
  says(good.subarray(0, good.length - 20), /is cut short/)
  const flipped = Uint8Array.from(good)
  flipped[50]! ^= 1
  says(flipped, /holds a damaged part/)
  const huge = Uint8Array.from(good)
  new DataView(huge.buffer).setUint32(16, 1 << 22)
  says(huge, /has 4194304×8 pixels; at most 16777216/)
  const jpeg = readFileSync(fixture('rgb-baseline.jpg'))
  says(jpeg.subarray(0, jpeg.length - 8), /is a JPEG that cannot be decoded/)
  says(jpeg.subarray(0, 300), /is a JPEG that cannot be decoded/)
  says(jpeg.subarray(0, 30), /no JPEG frame header/)
  says(readFileSync(fixture('interlaced1.png')), /is interlaced with 1 bits a sample/)
})

test('image data that decompresses to more or less than announced is refused', (t) => {
  const good = Buffer.from(png(8, 8, 1, () => 7))
  const rebuild = (rows: Uint8Array) => {
    const data = deflateSync(rows)
    const start = good.indexOf('IDAT')
    const chunk = (type: string, body: Uint8Array) => {
      const bytes = Buffer.concat([Buffer.alloc(4), Buffer.from(type), body, Buffer.alloc(4)])
      bytes.writeUInt32BE(body.length, 0)
      bytes.writeUInt32BE(crc32(bytes.subarray(4, 8 + body.length)), 8 + body.length)
      return bytes
    }
    return Buffer.concat([good.subarray(0, start - 4), chunk('IDAT', data), chunk('IEND', Buffer.alloc(0))])
  }
  t.is(decodeImage(rebuild(new Uint8Array(72))).pixels.length, 192)
  t.throws(() => decodeImage(rebuild(new Uint8Array(71))), { message: /holds fewer pixels/ })
  t.throws(() => decodeImage(rebuild(new Uint8Array(1 << 22))), { message: /holds more pixels/ })
})

/** Grey pictures `bright` and `dark`, told apart by their mean. */
function classFolders(folder: string, prefix: string, each: number, side = 4): void {
  for (let i = 0; i < each; i++) {
    writeFiles(folder, {
      [`${prefix}bright/${i}.png`]: png(side, side, 1, (k) => 200 + i + (k & 3)),
      [`${prefix}dark/${i}.PNG`]: png(side, side, 3, (k) => 10 + i + (Math.floor(k / 3) & 3)),
    })
  }
}

test('class folders: names, labels, grey by content', async (t) => {
  const folder = temporaryFolder(t)
  classFolders(folder, '', 10)
  writeFiles(folder, { 'readme.md': 'x', 'bright/notes.txt': 'x', '.hidden/a.png': 'x' })
  const dataset = await load(folder)
  t.deepEqual(dataset.classNames, ['bright', 'dark'])
  t.deepEqual(dataset.inputShape, [4, 4, 1])
  t.deepEqual([...dataset.labels], [...Array(10).fill(0), ...Array(10).fill(1)])
  t.deepEqual([...dataset.samples.subarray(0, 4)], [200, 201, 202, 203])
  t.is(dataset.splits.test.length, 4)
})

test('one coloured pixel makes the set coloured', async (t) => {
  const folder = temporaryFolder(t)
  classFolders(folder, '', 5)
  writeFiles(folder, { 'dark/z.png': png(4, 4, 3, (k) => (k === 7 ? 9 : 8)) })
  t.deepEqual((await load(folder)).inputShape, [4, 4, 3])
})

test('part folders, by whichever usual name', async (t) => {
  const folder = temporaryFolder(t)
  classFolders(folder, 'train/', 6)
  classFolders(folder, 'Test/', 3)
  classFolders(folder, 'valid/', 2)
  const { splits } = await load(folder)
  t.deepEqual([splits.train.length, splits.validation.length, splits.test.length], [12, 4, 6])
})

test('sizes: the most common one, or the one asked for; 1×1 too', async (t) => {
  const folder = temporaryFolder(t)
  classFolders(folder, '', 5)
  writeFiles(folder, { 'dark/z.png': png(8, 8, 1, () => 77), 'dark/zz.png': png(1, 1, 1, () => 33) })
  const dataset = await load(folder)
  t.deepEqual(dataset.inputShape, [4, 4, 1])
  t.deepEqual([...dataset.samples.subarray(-32)], [...Array(16).fill(77), ...Array(16).fill(33)])
  t.deepEqual(dataset.notes, [
    `images are 4×4, the most common of 3 sizes: of 12 images 2 are resized to that, 0 of them from other proportions, which are not kept; size in '${path.join(folder, 'image.json')}' sets another`,
  ])

  const dots = temporaryFolder(t)
  classFolders(dots, '', 4, 1)
  t.deepEqual((await load(dots)).inputShape, [1, 1, 1])
})

test('image.json: size, the middle instead of all, and no colour', async (t) => {
  const folder = temporaryFolder(t)
  // Two columns of blue, two of white, two of blue.
  const stripes = png(2, 6, 3, (i) =>
    Math.floor(i / 3) % 6 < 2 || Math.floor(i / 3) % 6 > 3 ? [0, 0, 255][i % 3]! : 255,
  )
  for (const name of 'abcdefgh') writeFiles(folder, { [`one/${name}.png`]: stripes, [`two/${name}.png`]: stripes })
  const having = (settings: unknown) => {
    writeFiles(folder, { 'image.json': JSON.stringify(settings) })
    return load(folder)
  }
  const plain = await load(folder)
  t.deepEqual(plain.inputShape, [2, 6, 3])
  t.deepEqual(plain.channelNames, ['red', 'green', 'blue'])
  t.is(plain.notes, undefined)
  const squeezed = await having({ size: [1, 2] })
  t.deepEqual(squeezed.inputShape, [1, 2, 3])
  t.deepEqual([...squeezed.samples.subarray(0, 6)], [85, 85, 255, 85, 85, 255])
  t.is(squeezed.notes?.length, 1)
  t.regex(
    squeezed.notes![0]!,
    /^images are 1×2: of 16 images 16 are resized to that, 16 of them from other proportions/,
  )
  const cropped = await having({ size: 2, crop: true })
  t.deepEqual([...new Set(cropped.samples)], [255])
  t.deepEqual(cropped.inputShape, [2, 2, 1])
  t.is(cropped.notes, undefined)
  t.regex(cropped.sampleMeaning!, /^an image of 2 x 2: grey, 0 to 255; other sizes: the largest middle part/)
  const grey = await having({ grey: true })
  t.deepEqual(grey.inputShape, [2, 6, 1])
  t.deepEqual([...grey.samples.subarray(0, 6)], [29, 29, 255, 255, 29, 29])
  t.deepEqual(grey.channelNames, ['grey'])
  t.not(grey.digest, plain.digest)
  for (const [settings, message] of [
    [{ sise: 4 }, /unknown member 'sise': did you mean 'size'/],
    [{ size: 0 }, /has a size that is not right: a side such as 96, or \[height, width\]/],
    [{ crop: 'yes' }, /has a crop that is not right: true or false is expected/],
    [[96], /a JSON object with any of size, crop, grey is expected/],
  ] as const) {
    writeFiles(folder, { 'image.json': JSON.stringify(settings) })
    await refuses(t, folder, message)
  }
  writeFiles(folder, { 'image.json': '{"size": }' })
  await refuses(t, folder, /image\.json' is no JSON \(.*\): write settings such as \{"size": 96\}/)
})

test('large images are told of', async (t) => {
  const folder = temporaryFolder(t)
  for (const name of ['a', 'b', 'c', 'd']) {
    writeFiles(folder, {
      [`one/${name}.png`]: png(200, 200, 1, () => 1),
      [`two/${name}.png`]: png(200, 200, 1, () => 2),
    })
  }
  t.regex(
    (await load(folder)).notes![0]!,
    /^images are 200×200, more than most small devices can hold: size in .*image\.json'/,
  )
})

test('what is wrong with a folder or an image is named', async (t) => {
  const folder = temporaryFolder(t)
  classFolders(folder, 'train/', 4)
  writeFiles(folder, { 'train/dark/bad.png': 'not a picture' })
  await refuses(t, folder, /bad\.png' is neither a PNG nor a JPEG image, whatever its name says: replace it/)
  writeFiles(folder, { 'train/dark/bad.png': readFileSync(fixture('rgb-baseline.jpg')).subarray(0, 300) })
  await refuses(t, folder, /bad\.png' is a JPEG that cannot be decoded/)
  rmSync(path.join(folder, 'train/dark/bad.png'))
  symlinkSync('nowhere', path.join(folder, 'train/dark/bad.png'))
  await refuses(t, folder, /bad\.png' is a link that leads nowhere: mend it or remove it/)
  rmSync(path.join(folder, 'train/dark/bad.png'))
  writeFiles(folder, { 'train/dark/bad.png': '' })
  await refuses(t, folder, /bad\.png' is empty: replace it/)
  writeFiles(folder, { 'train/dark/bad.png': png(4, 4, 1, () => 1), 'train/empty/x.txt': '' })
  await refuses(t, folder, /train\/empty' holds no PNG or JPEG image: add some, or remove the folder/)
  writeFiles(folder, { 'train/empty/x.png': png(4, 4, 1, () => 1), 'test/other/x.png': png(4, 4, 1, () => 1) })
  await refuses(t, folder, /test\/other' is a class without training images/)

  const untrained = temporaryFolder(t)
  classFolders(untrained, 'test/', 4)
  await refuses(t, untrained, /holds only test: a folder train is needed/)
})

test('images of formats that are not read are told of, not quietly left out', async (t) => {
  const folder = temporaryFolder(t)
  classFolders(folder, '', 10)
  t.is((await load(folder)).notes, undefined)
  const { digest } = await load(folder)
  writeFiles(folder, { 'dark/deeper/a.GIF': 'x', 'dark/b.gif': 'x', 'bright/c.bmp': 'x', 'bright/d.txt': 'x' })
  const dataset = await load(folder)
  t.is(dataset.digest, digest)
  t.deepEqual(dataset.notes, [
    `3 images in '${folder}' are not read, such as 'bright/c.bmp': PNG and JPEG are, so convert .bmp and .gif files to have them in the data`,
  ])
  t.deepEqual(dataNotes(dataset).slice(0, 1), dataset.notes)
  writeFiles(folder, { 'moving/e.gif': 'x' })
  await refuses(t, folder, /moving' holds no PNG or JPEG image: convert its \.gif files first/)
})

test('images in folders within a class belong to it, links that lead back are not followed', async (t) => {
  const flat = temporaryFolder(t)
  classFolders(flat, '', 8)
  const nested = temporaryFolder(t)
  classFolders(nested, '', 8)
  mkdirSync(path.join(nested, 'dark/day 1/morning'), { recursive: true })
  const image = readdirSync(path.join(nested, 'dark'))[3]!
  renameSync(path.join(nested, 'dark', image), path.join(nested, 'dark/day 1/morning', image))
  symlinkSync('..', path.join(nested, 'dark/day 1/back'))
  const sorted = ({ samples }: { readonly samples: ArrayLike<number> }) => [...Array.from(samples)].sort()
  const dataset = await load(nested)
  t.deepEqual(sorted(dataset), sorted(await load(flat)))
  t.deepEqual(dataset.classNames, ['bright', 'dark'])

  const deep = temporaryFolder(t)
  classFolders(deep, 'one/session/', 4)
  classFolders(deep, 'two/session/', 4)
  t.deepEqual((await load(deep)).classNames, ['one', 'two'])
  await refuses(t, path.join(deep, '..', path.basename(deep), 'one'), /one' holds no known data set layout/)
})

test('all broken images are told in one sentence, the first ten by name', async (t) => {
  const folder = temporaryFolder(t)
  classFolders(folder, '', 4)
  const cut = png(4, 4, 1, () => 1).subarray(0, -20)
  writeFiles(folder, { 'dark/bad: one.png': 'not a picture', 'dark/cut.png': cut, 'bright/empty.jpg': '' })
  const error = await t.throwsAsync(load(folder))
  const told = error!.message.slice(`'${folder}' `.length)
  t.regex(
    told,
    /^holds 3 images that cannot be read \(.*\): replace them with intact PNG or JPEG files, or remove them$/,
  )
  t.regex(told, /'dark\/bad: one\.png' is neither a PNG nor a JPEG image, whatever its name says;/)
  t.regex(told, /'dark\/cut\.png' is cut short/)
  t.regex(told, /'bright\/empty\.jpg' is empty/)
  writeFiles(folder, Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`dark/y${i}.png`, 'x'])))
  const many = (await t.throwsAsync(load(folder)))!.message
  t.is(many.match(/\.(png|jpg)'/g)?.length, 10)
  t.regex(many, /holds 23 images .*; and 13 more\)/)
})

test('paths of images are relative to the folder given', async (t) => {
  const folder = temporaryFolder(t)
  classFolders(folder, '', 4)
  t.is((await load(path.relative('.', folder))).name, path.basename(folder))
})

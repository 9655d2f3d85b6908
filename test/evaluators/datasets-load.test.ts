import path from 'node:path'
import test from 'ava'
import { idxFiles, load, refuses, temporaryFolder, writeFiles } from './datasets-support.ts'

test('nothing there: the nearest name is offered', async (t) => {
  const folder = temporaryFolder(t)
  writeFiles(folder, { 'mnist/readme.txt': 'x', 'cifar/readme.txt': 'x' })
  await refuses(t, path.join(folder, 'mnst'), /mnst' does not exist: did you mean '.*\/mnist'\?/)
  await refuses(t, path.join(folder, 'no', 'where'), /no\/where' does not exist: check the path/)
  await refuses(t, path.join(folder, 'mnist/readme.txt/x'), /does not exist/)
})

test('a folder without images and other unknown things: the layouts are listed', async (t) => {
  const folder = temporaryFolder(t)
  await refuses(t, folder, /' is an empty folder: give one that holds a data set$/)
  writeFiles(folder, { 'notes.txt': 'x' })
  await refuses(t, folder, /holds no known data set layout: .*builtin.*MNIST layout.*CIFAR-10.*NumPy.*image folder/)
  writeFiles(folder, { 'a/notes.txt': 'x', 'b/notes.txt': 'x', 'data.bin': '1,2' })
  await refuses(t, folder, /holds no known data set layout: one of these is expected/)
  await refuses(
    t,
    path.join(folder, 'data.bin'),
    /data\.bin' is no \.npz, \.csv or \.tsv file: other layouts are given by their folder/,
  )
})

for (const [name, hint] of [
  ['1.wav', 'name the folder that holds one folder of WAV files per class, or call the files class_….wav'],
  ['yes/1.mp3', 'convert the sound to WAV first'],
  ['windows.parquet', 'save it as CSV first'],
  ['iris.data', 'where it is CSV, call it .csv, or name it in csv.json (docs/data.md)'],
  ['samples.npy', 'name a folder with x.npy (samples) and y.npy (their classes)'],
  ['cats/1.bmp', 'convert the images to PNG or JPEG first'],
  ['1.jpg', 'name the folder that holds one folder of images per class'],
] as const) {
  test(`what to make of ${name} is said, for the file and for its folder`, async (t) => {
    const folder = temporaryFolder(t)
    writeFiles(folder, { [name]: 'x', 'readme.txt': 'x' })
    const error = await t.throwsAsync(load(folder))
    t.is(error?.message, `'${folder}' holds no known data set layout: ${hint}`)
    const file = path.join(folder, name)
    t.is((await t.throwsAsync(load(file)))?.message, `'${file}' is no .npz, .csv or .tsv file: ${hint}`)
  })
}

test('a folder that is called like a file', async (t) => {
  const folder = temporaryFolder(t)
  writeFiles(folder, { ...idxFiles(30, 9), 'train-images-idx4-ubyte/x': 'x' })
  await refuses(t, path.join(folder, 'train-images-idx4-ubyte'), /holds no known data set layout/)
})

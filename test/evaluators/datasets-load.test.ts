import path from 'node:path'
import test from 'ava'
import { idxFiles, refuses, temporaryFolder, writeFiles } from './datasets-support.ts'

test('nothing there: the nearest name is offered', async (t) => {
  const folder = temporaryFolder(t)
  writeFiles(folder, { 'mnist/readme.txt': 'x', 'cifar/readme.txt': 'x' })
  await refuses(t, path.join(folder, 'mnst'), /mnst' does not exist: did you mean '.*\/mnist'\?/)
  await refuses(t, path.join(folder, 'no', 'where'), /no\/where' does not exist: check the path/)
  await refuses(t, path.join(folder, 'mnist/readme.txt/x'), /does not exist/)
})

test('a folder without images and other unknown things: the layouts are listed', async (t) => {
  const folder = temporaryFolder(t)
  await refuses(t, folder, /holds no known data set layout: .*builtin.*MNIST layout.*CIFAR-10.*NumPy.*image folder/)
  writeFiles(folder, { 'a/notes.txt': 'x', 'b/notes.txt': 'x', 'data.csv': '1,2' })
  await refuses(t, folder, /holds no known data set layout/)
  await refuses(
    t,
    path.join(folder, 'data.csv'),
    /data\.csv' is no \.npz file: other layouts are given by their folder/,
  )
})

test('a folder that is called like a file', async (t) => {
  const folder = temporaryFolder(t)
  writeFiles(folder, { ...idxFiles(30, 9), 'train-images-idx4-ubyte/x': 'x' })
  await refuses(t, path.join(folder, 'train-images-idx4-ubyte'), /holds no known data set layout/)
})

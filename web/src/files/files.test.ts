import { expect, test } from 'vitest'
import type { RemoteFile } from '../api/files.ts'
import { chosenTree, droppedTree, MOST, TooMany } from './folders.ts'
import { grouped, groupFraction } from './groups.ts'
import { crumbs, join, modeWords, octal, parent, readOctal, sorted, written } from './names.ts'
import { fraction, type Sending, waitBefore } from './uploads.ts'

const file = (name: string, more: Partial<RemoteFile> = {}): RemoteFile => ({
  name,
  kind: 'file',
  leads_to: null,
  size: 1,
  modified: '2026-01-01T00:00:00Z',
  mode: 0o644,
  uid: 0,
  gid: 0,
  ...more,
})

test('names of this machine have the written form', () => {
  expect(written('a b/ä用')).toBe('a b/ä用')
  expect(written('a\nb\\')).toBe('a\\x0ab\\\\')
  expect(written('x\u202egpj')).toBe('x\\xe2\\x80\\xaegpj')
})

test('paths are put together and taken apart', () => {
  expect([join('/', 'a'), join('/a', 'b')]).toEqual(['/a', '/a/b'])
  expect([parent('/a/b'), parent('/a'), parent('/')]).toEqual(['/a', '/', '/'])
  expect(crumbs('/a/b c')).toEqual([
    { name: 'a', path: '/a' },
    { name: 'b c', path: '/a/b c' },
  ])
  expect(crumbs('/')).toEqual([])
})

test('permissions read as ls shows them', () => {
  expect([0o644, 0o4755, 0o1777, 0o2640].map(modeWords)).toEqual([
    'rw-r--r--',
    'rwsr-xr-x',
    'rwxrwxrwt',
    'rw-r-S---',
  ])
  expect([octal(0o644), readOctal('0755'), readOctal('640'), readOctal('888'), readOctal('7')]).toEqual([
    '0644',
    0o755,
    0o640,
    null,
    null,
  ])
})

test('directories come first, and numbers count as numbers', () => {
  const files = [file('b10'), file('b9', { size: 5 }), file('z', { kind: 'link', leads_to: 'directory' })]
  expect(sorted(files, 'name', false).map(({ name }) => name)).toEqual(['z', 'b9', 'b10'])
  expect(sorted(files, 'name', true).map(({ name }) => name)).toEqual(['z', 'b10', 'b9'])
  expect(sorted(files, 'size', true).map(({ name }) => name)).toEqual(['z', 'b9', 'b10'])
})

test('what has no time is the oldest, and the order is one', () => {
  const files = [file('b', { modified: null }), file('a', { modified: null }), file('c')]
  expect(sorted(files, 'modified', false).map(({ name }) => name)).toEqual(['a', 'b', 'c'])
})

/** As a browser gives them: names in pieces of a hundred. */
const directory = (name: string, inside: unknown[]) => ({
  name,
  isDirectory: true,
  createReader: () => {
    const left = [...inside]
    return { readEntries: (done: (some: unknown[]) => void) => done(left.splice(0, 100)) }
  },
})
const leaf = (name: string) => ({
  name,
  isDirectory: false,
  file: (done: (file: unknown) => void) => done({ name, size: 1 }),
})
const dropped = (folder: unknown) => droppedTree(folder as FileSystemDirectoryEntry)

test('a folder that is dropped comes with all that is in it, up to a bound', async () => {
  const many = Array.from({ length: 250 }, (_, at) => leaf(`f${at}`))
  const tree = await dropped(directory('top', [leaf('a'), directory('sub', many), directory('no', [])]))
  expect([tree.name, tree.files.length, tree.empty]).toEqual(['top', 251, [['no']]])
  expect(tree.files[250]?.folders).toEqual(['sub'])
  const most = Array.from({ length: MOST }, (_, at) => leaf(`f${at}`))
  expect((await dropped(directory('top', most))).files).toHaveLength(MOST)
  await expect(dropped(directory('top', [directory('sub', most)]))).rejects.toThrow(TooMany)
  await expect(dropped(directory('top', [...most, leaf('one more')]))).rejects.toThrow(TooMany)
})

test('a folder that is chosen is told by the paths of its files', () => {
  const chosen = (path: string, name = path.slice(path.lastIndexOf('/') + 1)) =>
    ({ name, webkitRelativePath: path }) as File
  const tree = chosenTree([chosen('top/a'), chosen('top/sub/deep/b'), chosen('top/sub/c/d', 'c\\d')])
  const inside = tree?.files.map(({ folders }) => folders)
  expect([tree?.name, inside]).toEqual(['top', [[], ['sub', 'deep'], ['sub']]])
  expect(chosenTree([])).toBeNull()
  expect(() => chosenTree(Array.from({ length: MOST + 1 }, () => chosen('top/a')))).toThrow(TooMany)
})

test('a folder on its way is shown as one', () => {
  const folder = { key: 1, name: 'top', directory: '/srv' }
  const job = (key: number, more: Partial<Sending>): Sending => ({
    ...{ key, server: 1, directory: '/srv/top', name: `f${key}`, size: 10, sent: 0, state: 'waiting' },
    ...{ problem: null, folder },
    ...more,
  })
  const all = [job(2, { state: 'done', sent: 10 }), job(3, { state: 'failed' }), job(4, { folder: null })]
  const [group, alone] = grouped(all)
  expect(group).toMatchObject({ name: 'top', directory: '/srv', state: 'failed', files: 2, done: 1 })
  expect(group && 'files' in group && groupFraction(group)).toBe(0.5)
  expect(alone).toBe(all[2])
  expect(grouped([...all, job(5, { state: 'exists' }), job(6, { state: 'sending' })])[0]?.state).toBe(
    'sending',
  )
})

test('a try waits longer than the one before, and not for ever', () => {
  expect([0, 1, 2, 3, 20].map(waitBefore)).toEqual([1000, 2000, 4000, 8000, 30_000])
  expect(fraction({ sent: 5, size: 10 } as Sending)).toBe(0.5)
  expect(fraction({ sent: 0, size: 0, state: 'done' } as Sending)).toBe(1)
})

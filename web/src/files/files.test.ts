import { expect, test } from 'vitest'
import type { RemoteFile } from '../api/files.ts'
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

test('a try waits longer than the one before, and not for ever', () => {
  expect([0, 1, 2, 3, 20].map(waitBefore)).toEqual([1000, 2000, 4000, 8000, 30_000])
  expect(fraction({ sent: 5, size: 10 } as Sending)).toBe(0.5)
  expect(fraction({ sent: 0, size: 0, state: 'done' } as Sending)).toBe(1)
})

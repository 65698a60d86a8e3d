import { describe, expect, it } from 'vitest'
import { needsConfirmation, readPaste, sizeWords } from './paste.ts'

describe('a paste', () => {
  const asked = (text: string) => needsConfirmation(readPaste(text))
  const lines = (text: string) => readPaste(text).lines

  it('is asked about when it could run something', () => {
    expect(asked('ls -l')).toBe(false)
    expect(asked('ls\n')).toBe(true)
    expect(lines('ls\n')).toEqual(['ls'])
    expect(lines('a\r\nb\rc')).toEqual(['a', 'b', 'c'])
    expect(lines('a\n\n')).toEqual(['a', ''])
    expect(lines('')).toEqual([''])
  })

  it('cannot press keys: what would end a bracketed paste is left out', () => {
    const paste = readPaste('echo a\x1b[201~\nrm -rf x\x03\x7f\x9b')
    expect(paste).toEqual({ text: 'echo a[201~\nrm -rf x', lines: ['echo a[201~', 'rm -rf x'], removed: 4 })
    expect(readPaste('a\tb\r\n中文 🚀 é')).toMatchObject({ text: 'a\tb\r\n中文 🚀 é', removed: 0 })
  })

  it('has a size in words', () => {
    expect(sizeWords(5)).toEqual({ key: 'bytes.b', n: '5' })
    expect(sizeWords(10 * 1024)).toEqual({ key: 'bytes.kb', n: '10' })
    expect(sizeWords(10 * 1024 * 1024)).toEqual({ key: 'bytes.mb', n: '10.0' })
  })
})

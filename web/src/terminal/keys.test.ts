import { describe, expect, it } from 'vitest'
import { KEY_ROW, keyBytes, withControl } from './keys.ts'

const control = (text: string) => [...withControl(new TextEncoder().encode(text))]

describe('the row of keys', () => {
  it('sends what a terminal sends', () => {
    expect(keyBytes('ArrowUp', false)).toBe('\x1b[A')
    expect(keyBytes('ArrowUp', true)).toBe('\x1bOA')
    expect(keyBytes('Escape', true)).toBe('\x1b')
    expect(keyBytes('PageDown', false)).toBe('\x1b[6~')
    expect(keyBytes('|', false)).toBe('|')
    expect(new Set(KEY_ROW).size).toBe(KEY_ROW.length)
  })

  it('holds Ctrl for one character', () => {
    expect(control('c')).toEqual([3])
    expect(control('C')).toEqual([3])
    expect(control('[')).toEqual([0x1b])
    expect(control(' ')).toEqual([0])
    expect(control('?')).toEqual([0x7f])
    expect(control('1')).toEqual([0x31])
    expect(control('中')).toHaveLength(3)
    expect(control('\x1b[A')).toEqual([0x1b, 0x5b, 0x41])
  })
})

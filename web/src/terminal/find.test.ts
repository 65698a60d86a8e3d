import { describe, expect, it } from 'vitest'
import { canFind, changeFind, findWords, NOTHING } from './find.ts'

describe('what is looked for', () => {
  it('is forgotten as a result when it changes', () => {
    const found = changeFind(changeFind(NOTHING, { type: 'term', term: 'a' }), {
      type: 'found',
      index: 2,
      count: 7,
    })
    expect(findWords(found)).toEqual({ key: 'find.of', n: 3, count: 7 })
    expect(findWords(changeFind(found, { type: 'toggle', option: 'regex' }))).toEqual({ key: 'find.none' })
    expect(findWords(changeFind(found, { type: 'term', term: '' }))).toEqual({ key: 'find.empty' })
    expect(findWords({ ...found, index: -1 })).toEqual({ key: 'find.many', count: 7 })
  })

  it('is not looked for when it is no expression, or matches everywhere', () => {
    expect(canFind({ term: '(', regex: false })).toBe(true)
    expect(canFind({ term: '(', regex: true })).toBe(false)
    expect(canFind({ term: 'a*', regex: true })).toBe(false)
    expect(canFind({ term: 'a+', regex: true })).toBe(true)
    expect(canFind({ term: '', regex: false })).toBe(false)
    expect(findWords({ ...NOTHING, term: '[', regex: true })).toEqual({ key: 'find.bad' })
  })

  it('turns each option on and off', () => {
    for (const option of ['caseSensitive', 'wholeWord', 'regex'] as const) {
      const on = changeFind(NOTHING, { type: 'toggle', option })
      expect(on[option]).toBe(true)
      expect(changeFind(on, { type: 'toggle', option })[option]).toBe(false)
    }
  })
})

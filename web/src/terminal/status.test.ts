import { describe, expect, it } from 'vitest'
import { initials } from './status.tsx'

describe('initials', () => {
  it('are two letters, or the last character of a Chinese name', () => {
    expect(initials('ann')).toBe('AN')
    expect(initials('ann.smith')).toBe('AS')
    expect(initials('build-bot_2')).toBe('BB')
    expect(initials('王小明')).toBe('明')
    expect(initials('x')).toBe('X')
    expect(initials('')).toBe('')
  })
})

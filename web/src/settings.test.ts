import { afterEach, describe, expect, it, vi } from 'vitest'
import { changeSettings, DEFAULT_TERMINAL, getSettings, readSettings, subscribeSettings } from './settings.ts'

describe('what was stored', () => {
  it('is read back', () => {
    const settings = {
      theme: 'dark',
      language: 'zh-CN',
      terminal: { ...DEFAULT_TERMINAL, fontSize: 18, bell: 'sound', renderer: 'webgl', warnOnPaste: false },
    }
    expect(readSettings(JSON.stringify(settings), 'en')).toEqual(settings)
  })

  it('may be missing, broken, or out of range', () => {
    const usual = { theme: 'system', language: 'en', terminal: DEFAULT_TERMINAL }
    for (const broken of [null, '', '{', '[]', '7', 'null', '{"theme":7,"terminal":3}']) {
      expect(readSettings(broken, 'en')).toEqual(usual)
    }
    const far = JSON.stringify({ terminal: { fontSize: 900, scrollback: -5, bell: 'gong', fontFamily: 7 } })
    expect(readSettings(far, 'en').terminal).toEqual({ ...DEFAULT_TERMINAL, fontSize: 32, scrollback: 0 })
  })
})

describe('a change', () => {
  afterEach(() => localStorage.clear())

  it('keeps the rest, is stored, and is told', () => {
    const told = vi.fn()
    const stop = subscribeSettings(told)
    changeSettings({ terminal: { fontSize: 20 } })
    changeSettings({ theme: 'light' })
    stop()
    changeSettings({ theme: 'dark' })
    expect(told).toHaveBeenCalledTimes(2)
    expect(getSettings()).toMatchObject({ theme: 'dark', terminal: { fontSize: 20, cursorBlink: true } })
    expect(readSettings(localStorage.getItem('bastide.settings'), 'en')).toEqual(getSettings())
  })

  it('of another window is followed', () => {
    const told = vi.fn()
    const stop = subscribeSettings(told)
    localStorage.setItem('bastide.settings', '{"theme":"dark"}')
    window.dispatchEvent(new StorageEvent('storage', { key: 'bastide.settings' }))
    stop()
    expect(told).toHaveBeenCalledOnce()
    expect(getSettings().theme).toBe('dark')
  })
})

import { describe, expect, it } from 'vitest'
import { actionOf, isPageKey, keysFor, keysOf, SHORTCUTS } from './shortcuts.ts'

const press = (code: string, ...modifiers: ('ctrl' | 'shift' | 'alt' | 'meta')[]) => ({
  key: '',
  code,
  ctrlKey: modifiers.includes('ctrl'),
  shiftKey: modifiers.includes('shift'),
  altKey: modifiers.includes('alt'),
  metaKey: modifiers.includes('meta'),
})

describe('the keys', () => {
  it('take nothing that a shell needs', () => {
    for (const { code } of SHORTCUTS) {
      const key = code === 'Digit' ? 'Digit1' : code
      for (const modifiers of [
        [],
        ['ctrl'],
        ['shift'],
        ['alt'],
        ['ctrl', 'alt'],
        ['alt', 'shift'],
      ] as const) {
        expect(actionOf(press(key, ...modifiers)), `${modifiers.join('+')} ${key}`).toBeNull()
        expect(isPageKey(press(key, ...modifiers))).toBe(false)
      }
    }
  })

  it('take nothing that a browser keeps for itself', () => {
    for (const code of ['KeyT', 'KeyN', 'KeyW', 'KeyQ', 'KeyR', 'KeyI', 'KeyJ']) {
      expect(actionOf(press(code, 'ctrl', 'shift')), code).toBeNull()
      expect(actionOf(press(code, 'meta')), code).toBeNull()
    }
  })

  it('mean one thing each', () => {
    const pressed = SHORTCUTS.map((one) => `${one.alt ?? ''} ${one.code}`)
    expect(new Set(pressed).size).toBe(SHORTCUTS.length)
    for (const { action, code, alt } of SHORTCUTS) {
      const key = code === 'Digit' ? 'Digit7' : code
      const held = alt ? (['ctrl', 'shift', 'alt'] as const) : (['ctrl', 'shift'] as const)
      expect(actionOf(press(key, ...held))).toBe(action)
    }
  })

  it('are those that are written on the keyboard, wherever they lie', () => {
    const held = press('KeyQ', 'ctrl', 'shift')
    expect(actionOf({ ...held, key: 'A' }), 'A on a French keyboard').toBe('menu')
    expect(actionOf({ ...press('KeyA', 'ctrl', 'shift'), key: 'Q' })).toBeNull()
    expect(actionOf({ ...press('KeyF', 'ctrl', 'shift'), key: 'А' }), 'Cyrillic').toBe('find')
    expect(actionOf({ ...press('Digit7', 'ctrl', 'shift'), key: '?' }), 'for the page').toBeNull()
    expect(isPageKey({ ...press('Minus', 'ctrl', 'shift'), key: '?' })).toBe(true)
    expect(actionOf({ ...press('Digit1', 'ctrl', 'shift'), key: '!' })).toBe('tab_number')
  })

  it('have a second form with Cmd where that is free', () => {
    expect(actionOf(press('KeyC', 'meta'))).toBe('copy')
    expect(actionOf(press('KeyE', 'meta'))).toBeNull()
    expect(actionOf(press('KeyC', 'meta', 'ctrl'))).toBeNull()
  })

  it('leave the palette and the list of shortcuts to the page', () => {
    expect(isPageKey(press('KeyK', 'ctrl', 'shift'))).toBe(true)
    expect(isPageKey(press('KeyK', 'meta'))).toBe(true)
    expect(isPageKey(press('KeyK', 'ctrl'))).toBe(false)
    expect(isPageKey(press('Slash', 'ctrl', 'shift'))).toBe(true)
    expect(isPageKey(press('Slash', 'shift'))).toBe(false)
  })

  it('are written as on the keyboard', () => {
    expect(keysFor('find', false)).toBe('Ctrl+Shift+F')
    expect(keysFor('find', true)).toBe('⌘ F')
    expect(keysFor('grow_left', false)).toBe('Ctrl+Shift+Alt+←')
    for (const shortcut of SHORTCUTS) expect(keysOf(shortcut, false).every((key) => key !== '')).toBe(true)
  })
})

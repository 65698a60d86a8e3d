import { describe, expect, it } from 'vitest'
import { fontFamily, PALETTES, paletteOf, THEME_NAMES } from './themes.ts'

/** WCAG 2.1, relative luminance and contrast ratio. */
function luminance(colour: string): number {
  const parts = [1, 3, 5].map((at) => Number.parseInt(colour.slice(at, at + 2), 16) / 255)
  const [r = 0, g = 0, b = 0] = parts.map((part) =>
    part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4,
  )
  return 0.2126 * r + 0.7152 * g + 0.0722 * b
}

function contrast(one: string, other: string): number {
  const [low = 0, high = 0] = [luminance(one), luminance(other)].sort((a, b) => a - b)
  return (high + 0.05) / (low + 0.05)
}

describe('the palettes', () => {
  it('are all in the list, which begins with what follows the page', () => {
    expect(THEME_NAMES).toEqual(['auto', ...Object.keys(PALETTES)])
  })

  it('can be read: text on its ground, on a selection, on what was found', () => {
    for (const [name, { theme, match, activeMatch }] of Object.entries(PALETTES)) {
      const ink = theme.foreground ?? ''
      expect(contrast(ink, theme.background ?? ''), name).toBeGreaterThan(7)
      for (const ground of [theme.selectionBackground ?? '', match]) {
        expect(contrast(ink, ground), `${name} on ${ground}`).toBeGreaterThan(3.5)
      }
      expect(contrast(theme.cursor ?? '', theme.background ?? ''), `${name}: cursor`).toBeGreaterThan(3)
      expect(activeMatch).not.toBe(match)
    }
  })

  it('are whole colours', () => {
    for (const { theme } of Object.values(PALETTES)) {
      for (const colour of Object.values(theme)) expect(colour).toMatch(/^#[0-9a-f]{6}$/)
      expect(Object.keys(theme)).toHaveLength(21)
    }
  })

  it('follow the page when they are asked to, or not known', () => {
    expect(paletteOf('auto', true)).toBe(PALETTES.dark)
    expect(paletteOf('auto', false)).toBe(PALETTES.light)
    expect(paletteOf('toString', false)).toBe(PALETTES.light)
    expect(paletteOf('vga', false)).toBe(PALETTES.vga)
  })
})

describe('the font', () => {
  it('is what was chosen, then the built-in list', () => {
    expect(fontFamily(' Hack ')).toMatch(/^Hack, "JetBrains Mono"/)
    expect(fontFamily('')).toMatch(/^"JetBrains Mono"/)
  })
})

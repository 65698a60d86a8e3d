import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { firstLanguage } from './i18n.ts'
import en from './locales/en.json'
import zhCN from './locales/zh-CN.json'

const plural = (key: string) => key.replace(/_(one|other)$/, '')
const placeholders = (text: string) => [...text.matchAll(/\{\{(\w+)\}\}/g)].map((one) => one[1]).sort()

function sources(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) return sources(path)
    return /\.tsx?$/.test(entry.name) && !/\.test\.|\.d\.ts$/.test(entry.name)
      ? [readFileSync(path, 'utf8')]
      : []
  })
}

describe('the languages', () => {
  it('say the same things', () => {
    expect(Object.keys(zhCN)).toEqual(Object.keys(en))
  })

  it('fill in the same values, and leave nothing empty', () => {
    for (const key of Object.keys(en) as (keyof typeof en)[]) {
      expect(placeholders(zhCN[key]), key).toEqual(placeholders(en[key]))
      expect(zhCN[key].trim(), key).not.toBe('')
    }
  })

  it('have every key that the code asks for, and no other', () => {
    const code = sources('src').join('\n')
    const known = new Set(Object.keys(en).map(plural))
    // A key is `part.part…` in quotes, or a fixed beginning with the rest filled in.
    const asked = new Set([...code.matchAll(/'([a-z]+(?:\.[A-Za-z_]+)+)'/g)].map((one) => one[1] ?? ''))
    const begun = [...code.matchAll(/`([a-z]+(?:\.[a-z]+)*\.)\$\{/g)].map((one) => one[1] ?? '')
    for (const [, key] of code.matchAll(/\bt\('([^']+)'/g)) expect(known, key).toContain(key)
    for (const key of known) {
      const used = asked.has(key) || begun.some((start) => key.startsWith(start))
      expect(used, `${key} is not used`).toBe(true)
    }
  })
})

describe('the first language', () => {
  it('is what was chosen, then what the browser asks for, then English', () => {
    expect(firstLanguage('en', ['zh-CN'])).toBe('en')
    expect(firstLanguage('xx', ['zh-TW', 'en'])).toBe('zh-CN')
    expect(firstLanguage(null, ['de-DE', 'en-GB', 'zh'])).toBe('en')
    expect(firstLanguage(null, ['de-DE'])).toBe('en')
  })
})

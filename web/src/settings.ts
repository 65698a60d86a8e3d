// How the client looks and behaves for whoever uses this browser. Kept in its local storage, never on the
// server; all windows of the browser follow a change at once.

import { useSyncExternalStore } from 'react'
import { firstLanguage, type Language } from './i18n.ts'

export type Theme = 'system' | 'light' | 'dark'
export type Bell = 'none' | 'visual' | 'sound'
export type Renderer = 'dom' | 'webgl'

/** `auto` follows the theme of the page; the others are the names of palettes in src/terminal. */
export type TerminalTheme = string

export interface TerminalSettings {
  /** In CSS pixels. */
  fontSize: number
  /** A CSS font family that goes before the built-in list; empty: the built-in list alone. */
  fontFamily: string
  theme: TerminalTheme
  cursorBlink: boolean
  bell: Bell
  /** Lines above the screen that the page keeps. */
  scrollback: number
  renderer: Renderer
  /** Show several lines before they are pasted. */
  warnOnPaste: boolean
  /** What is selected with the mouse goes to the clipboard at once. */
  copyOnSelect: boolean
}

export interface Settings {
  theme: Theme
  language: Language
  terminal: TerminalSettings
}

export const FONT_SIZE = { least: 8, most: 32 } as const
export const SCROLLBACK = { least: 0, most: 100_000 } as const
const LONGEST_NAME = 200

const KEY = 'bastide.settings'
/** Where the language alone was kept before there were settings. */
const OLD_LANGUAGE = 'bastide.language'

export const DEFAULT_TERMINAL: Readonly<TerminalSettings> = {
  fontSize: 14,
  fontFamily: '',
  theme: 'auto',
  cursorBlink: true,
  bell: 'visual',
  scrollback: 5_000,
  renderer: 'dom',
  warnOnPaste: true,
  copyOnSelect: false,
}

type Unknown = Record<string, unknown>
const object = (value: unknown): Unknown =>
  typeof value === 'object' && value !== null ? (value as Unknown) : {}
const oneOf = <T extends string>(value: unknown, allowed: readonly T[], otherwise: T): T =>
  allowed.find((one) => one === value) ?? otherwise
const flag = (value: unknown, otherwise: boolean) => (typeof value === 'boolean' ? value : otherwise)
const text = (value: unknown, otherwise: string) =>
  typeof value === 'string' ? value.slice(0, LONGEST_NAME) : otherwise
const number = (value: unknown, { least, most }: { least: number; most: number }, otherwise: number) =>
  typeof value === 'number' && Number.isFinite(value)
    ? Math.min(most, Math.max(least, Math.round(value)))
    : otherwise

/** What was stored, whoever wrote it: anything missing or out of range is the default. */
export function readSettings(stored: string | null, language: Language): Settings {
  let said: unknown
  try {
    said = JSON.parse(stored ?? '{}')
  } catch {
    said = {}
  }
  const all = object(said)
  const terminal = object(all.terminal)
  return {
    theme: oneOf(all.theme, ['system', 'light', 'dark'], 'system'),
    language: oneOf(all.language, ['en', 'zh-CN'], language),
    terminal: {
      fontSize: number(terminal.fontSize, FONT_SIZE, DEFAULT_TERMINAL.fontSize),
      fontFamily: text(terminal.fontFamily, DEFAULT_TERMINAL.fontFamily),
      theme: text(terminal.theme, DEFAULT_TERMINAL.theme) || DEFAULT_TERMINAL.theme,
      cursorBlink: flag(terminal.cursorBlink, DEFAULT_TERMINAL.cursorBlink),
      bell: oneOf(terminal.bell, ['none', 'visual', 'sound'], DEFAULT_TERMINAL.bell),
      scrollback: number(terminal.scrollback, SCROLLBACK, DEFAULT_TERMINAL.scrollback),
      renderer: oneOf(terminal.renderer, ['dom', 'webgl'], DEFAULT_TERMINAL.renderer),
      warnOnPaste: flag(terminal.warnOnPaste, DEFAULT_TERMINAL.warnOnPaste),
      copyOnSelect: flag(terminal.copyOnSelect, DEFAULT_TERMINAL.copyOnSelect),
    },
  }
}

/** A browser may forbid storage: then a change lasts as long as the page. */
function stored(key: string): string | null {
  try {
    return localStorage.getItem(key)
  } catch {
    return null
  }
}

function load(): Settings {
  return readSettings(stored(KEY), firstLanguage(stored(OLD_LANGUAGE), navigator.languages))
}

let current: Settings | undefined
const listeners = new Set<(settings: Settings) => void>()

export function getSettings(): Settings {
  current ??= load()
  return current
}

function replace(settings: Settings): void {
  current = settings
  for (const changed of listeners) changed(settings)
}

export interface SettingsChange {
  theme?: Theme
  language?: Language
  terminal?: Partial<TerminalSettings>
}

/** Changes what is named and keeps the rest. */
export function changeSettings(change: SettingsChange): void {
  const before = getSettings()
  const after = { ...before, ...change, terminal: { ...before.terminal, ...change.terminal } }
  const kept = JSON.stringify(after)
  try {
    localStorage.setItem(KEY, kept)
  } catch {
    // Full or forbidden.
  }
  replace(readSettings(kept, after.language))
}

/** Calls `changed` after every change, of another window too. Returns what ends it. */
export function subscribeSettings(changed: (settings: Settings) => void): () => void {
  if (listeners.size === 0) window.addEventListener('storage', followOthers)
  listeners.add(changed)
  return () => {
    listeners.delete(changed)
    if (listeners.size === 0) window.removeEventListener('storage', followOthers)
  }
}

function followOthers(event: StorageEvent): void {
  if (event.key === KEY || event.key === null) replace(load())
}

export function useSettings(): Settings {
  return useSyncExternalStore(subscribeSettings, getSettings)
}

// How terminals look in this window: the settings of the browser, and this window's own size of text.

import { useMemo, useSyncExternalStore } from 'react'
import { useDark } from '../parts/appearance.ts'
import { FONT_SIZE, type Renderer, type TerminalSettings, useSettings } from '../settings.ts'
import { fontFamily, type Palette, paletteOf } from './themes.ts'

export interface Look {
  palette: Palette
  /** In CSS pixels. */
  fontSize: number
  fontFamily: string
  cursorBlink: boolean
  /** Lines. */
  scrollback: number
  renderer: Renderer
}

const KEY = 'bastide.font-step'

/** Pixels that this window adds to the size of the settings. Survives a reload, not the window. */
class FontStep {
  private step = read()
  private readonly listeners = new Set<() => void>()

  readonly get = (): number => this.step

  readonly subscribe = (changed: () => void): (() => void) => {
    this.listeners.add(changed)
    return () => {
      this.listeners.delete(changed)
    }
  }

  set(step: number): void {
    this.step = step
    try {
      sessionStorage.setItem(KEY, String(step))
    } catch {
      // Forbidden: then it lasts as long as the page.
    }
    for (const changed of this.listeners) changed()
  }
}

function read(): number {
  try {
    return Number.parseInt(sessionStorage.getItem(KEY) ?? '', 10) || 0
  } catch {
    return 0
  }
}

export const fontStep = new FontStep()

/** `by` pixels larger, within what can be read; 0: as in the settings. */
export function stepFont(by: number, base: number): void {
  const size = clampFont(base + fontStep.get() + by)
  fontStep.set(by === 0 ? 0 : size - base)
}

function clampFont(size: number): number {
  return Math.min(FONT_SIZE.most, Math.max(FONT_SIZE.least, size))
}

export function lookOf(settings: TerminalSettings, step: number, dark: boolean, still: boolean): Look {
  return {
    palette: paletteOf(settings.theme, dark),
    fontSize: clampFont(settings.fontSize + step),
    fontFamily: fontFamily(settings.fontFamily),
    cursorBlink: settings.cursorBlink && !still,
    scrollback: settings.scrollback,
    renderer: settings.renderer,
  }
}

export function useLook(): Look {
  const dark = useDark()
  const { terminal } = useSettings()
  const step = useSyncExternalStore(fontStep.subscribe, fontStep.get)
  return useMemo(
    () => lookOf(terminal, step, dark, window.matchMedia('(prefers-reduced-motion: reduce)').matches),
    [terminal, step, dark],
  )
}

import { useSyncExternalStore } from 'react'
import { getSettings, subscribeSettings } from '../settings.ts'

const query = () => window.matchMedia('(prefers-color-scheme: dark)')

const isDark = () => {
  const { theme } = getSettings()
  return theme === 'system' ? query().matches : theme === 'dark'
}

function subscribeDark(changed: () => void): () => void {
  const scheme = query()
  scheme.addEventListener('change', changed)
  const stop = subscribeSettings(changed)
  return () => {
    scheme.removeEventListener('change', changed)
    stop()
  }
}

/** Whether the page is dark: as chosen, else as the system is; follows both. */
export function useDark(): boolean {
  return useSyncExternalStore(subscribeDark, isDark)
}

/** Keeps `data-theme` of the document, which the styles read, at `light` or `dark`. */
export function followTheme(): void {
  const show = () => {
    document.documentElement.dataset.theme = isDark() ? 'dark' : 'light'
  }
  show()
  subscribeDark(show)
}

/** The time, once per `milliseconds`, only while somebody looks. */
export function subscribeTime(milliseconds: number, changed: () => void): () => void {
  const timer = setInterval(() => {
    if (document.visibilityState === 'visible') changed()
  }, milliseconds)
  return () => clearInterval(timer)
}

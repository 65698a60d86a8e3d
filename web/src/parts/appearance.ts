import { useSyncExternalStore } from 'react'

const query = () => window.matchMedia('(prefers-color-scheme: dark)')

/** Whether the system is dark; follows it. */
export function useDark(): boolean {
  return useSyncExternalStore(
    (changed) => {
      const scheme = query()
      scheme.addEventListener('change', changed)
      return () => scheme.removeEventListener('change', changed)
    },
    () => query().matches,
  )
}

/** The time, once per `milliseconds`, only while somebody looks. */
export function subscribeTime(milliseconds: number, changed: () => void): () => void {
  const timer = setInterval(() => {
    if (document.visibilityState === 'visible') changed()
  }, milliseconds)
  return () => clearInterval(timer)
}

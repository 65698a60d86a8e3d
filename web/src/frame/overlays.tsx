import { lazy, Suspense, useEffect, useState } from 'react'
import { type Overlay, overlayFor, subscribeOpen } from './open.ts'

const Palette = lazy(() => import('./palette.tsx').then((module) => ({ default: module.Palette })))
const KeysSheet = lazy(() => import('./keys.tsx').then((module) => ({ default: module.KeysSheet })))

const mac = /Mac|iP(hone|ad)/.test(navigator.userAgent)

/** The palette and the sheet of shortcuts, over whatever page. */
export function Overlays() {
  const [open, setOpen] = useState<Overlay | null>(null)
  useEffect(() => {
    const pressed = (event: KeyboardEvent) => {
      const target = event.target instanceof Element ? event.target : null
      const overlay = overlayFor(event, {
        terminal: target?.closest('.xterm') !== null && target !== null,
        typing: target?.matches('input, textarea, select, [contenteditable]') ?? false,
        mac,
      })
      if (!overlay) return
      event.preventDefault()
      event.stopPropagation()
      setOpen((before) => (before === overlay ? null : overlay))
    }
    // Before the terminal sees it.
    window.addEventListener('keydown', pressed, { capture: true })
    const stop = subscribeOpen(setOpen)
    return () => {
      window.removeEventListener('keydown', pressed, { capture: true })
      stop()
    }
  }, [])
  const close = () => setOpen(null)
  return (
    <Suspense>
      {open === 'palette' && <Palette close={close} showKeys={() => setOpen('keys')} />}
      {open === 'keys' && <KeysSheet close={close} />}
    </Suspense>
  )
}

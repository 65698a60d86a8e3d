// Which of the things over the page is open. A window event, so that any button can open one.

export type Overlay = 'palette' | 'keys'

const OPEN = 'bastide:open'

export function openOverlay(overlay: Overlay): void {
  window.dispatchEvent(new CustomEvent<Overlay>(OPEN, { detail: overlay }))
}

export const openPalette = () => openOverlay('palette')

export function subscribeOpen(open: (overlay: Overlay) => void): () => void {
  const heard = (event: Event) => open((event as CustomEvent<Overlay>).detail)
  window.addEventListener(OPEN, heard)
  return () => window.removeEventListener(OPEN, heard)
}

/** What a key press asks for, if anything. */
export function overlayFor(
  event: Pick<KeyboardEvent, 'key' | 'code' | 'ctrlKey' | 'metaKey' | 'shiftKey' | 'altKey'>,
  where: { terminal: boolean; typing: boolean; mac: boolean },
): Overlay | null {
  if (event.altKey) return null
  if (event.key.toLowerCase() === 'k') {
    // In a terminal Ctrl-K is the shell's; the Command key never is.
    const free = event.metaKey && where.mac
    const ours = event.ctrlKey && !event.metaKey && (!where.terminal || event.shiftKey)
    return free || ours ? 'palette' : null
  }
  if (event.code === 'Slash' && event.ctrlKey && event.shiftKey && !event.metaKey) return 'keys'
  const plain = !event.ctrlKey && !event.metaKey
  return plain && event.key === '?' && !where.terminal && !where.typing ? 'keys' : null
}

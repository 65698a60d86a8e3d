import { type ReactNode, useEffect, useId, useRef } from 'react'

/**
 * A question over the page. The browser keeps the focus inside it, closes it with Escape, and gives the focus
 * back where it was. What is marked `data-first` has it first.
 */
export function Dialog({
  title,
  close,
  children,
  wide,
  side,
}: {
  title: string
  close: () => void
  children: ReactNode
  wide?: boolean
  /** At the right edge, as high as the window: for a longer form. */
  side?: boolean
}) {
  const dialog = useRef<HTMLDialogElement>(null)
  const name = useId()
  useEffect(() => {
    const element = dialog.current
    const before = document.activeElement
    if (element && !element.open) element.showModal()
    element?.querySelector<HTMLElement>('[data-first]')?.focus()
    return () => {
      element?.close()
      if (before instanceof HTMLElement && before.isConnected) before.focus()
    }
  }, [])
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: a click beside it closes it; from the keyboard Escape does
    <dialog
      ref={dialog}
      className={`dialog${wide ? ' wide' : ''}${side ? ' side' : ''}`}
      aria-labelledby={name}
      onCancel={(event) => {
        event.preventDefault()
        close()
      }}
      onClick={(event) => event.target === dialog.current && close()}
    >
      {/* A long one without controls scrolls with the keys. */}
      <div className="dialog-body" tabIndex={wide ? 0 : undefined}>
        <h2 id={name}>{title}</h2>
        {children}
      </div>
    </dialog>
  )
}

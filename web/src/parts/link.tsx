import type { AnchorHTMLAttributes, MouseEvent } from 'react'
import { go } from '../router.ts'

/** A plain click on a link inside the client changes the place, every other click is the browser's. */
export function follow(event: MouseEvent<HTMLElement>, href: string): void {
  if (event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return
  event.preventDefault()
  go(href)
}

/** A link inside the client. */
export function Link({ href, ...rest }: AnchorHTMLAttributes<HTMLAnchorElement> & { href: string }) {
  return <a {...rest} href={href} onClick={(event) => follow(event, href)} />
}

import { type KeyboardEvent, useEffect, useLayoutEffect, useRef, useState } from 'react'
import { useTranslation } from 'react-i18next'
import type { Session } from '../api/types.ts'
import { type Command, useDesk } from './desk.ts'
import { mayManage, mayType } from './rights.ts'
import { type Action, keysFor, SHORTCUTS } from './shortcuts.ts'
import type { Leaf } from './workspace.ts'

interface Item {
  command: Command
  disabled?: boolean
  danger?: boolean
}

const NEW = ['tab_new', 'split_right', 'split_down'] as const

/** What can be done with a terminal, in groups. */
export function menuItems(now: {
  pane: Leaf
  session: Session | undefined
  selected: boolean
  panes: number
  open: boolean
  /** Whether they may open shells. */
  shells: boolean
}): Item[][] {
  const { pane, session, selected, panes, open, shells } = now
  const own: Item[] = []
  if (open && mayType(session)) own.push({ command: pane.watch ? 'write' : 'watch' })
  if (open && mayManage(session)) own.push({ command: 'share' })
  if (open) own.push({ command: 'people' })
  const groups: Item[][] = [
    [
      { command: 'copy', disabled: !selected },
      { command: 'paste', disabled: !open || pane.watch },
      { command: 'select_all' },
      { command: 'find' },
    ],
    [
      ...(shells ? NEW.map((command) => ({ command })) : []),
      ...(panes > 1 ? [{ command: 'next_pane' as const }] : []),
    ],
    [
      { command: 'font_larger' },
      { command: 'font_smaller' },
      { command: 'font_reset' },
      { command: 'full_screen' },
      { command: 'settings' },
      { command: 'keys' },
    ],
    own,
    [
      { command: 'pane_close' },
      ...(open && mayManage(session) ? [{ command: 'end' as const, danger: true }] : []),
    ],
  ]
  return groups.filter((group) => group.length > 0)
}

const isAction = (command: Command): command is Action => SHORTCUTS.some((one) => one.action === command)

/** A menu at a place of the window: arrows, Home, End, a letter, Enter, Escape. */
export function Menu({ x, y, groups }: { x: number; y: number; groups: Item[][] }) {
  const { t } = useTranslation()
  const desk = useDesk()
  const menu = useRef<HTMLDivElement>(null)
  const [place, setPlace] = useState({ left: x, top: y })

  useLayoutEffect(() => {
    const box = menu.current?.getBoundingClientRect()
    if (!box) return
    const left = Math.max(4, Math.min(x, window.innerWidth - box.width - 4))
    setPlace({ left, top: Math.max(4, Math.min(y, window.innerHeight - box.height - 4)) })
    menu.current?.querySelector<HTMLElement>('[role=menuitem]:not([disabled])')?.focus()
  }, [x, y])

  useEffect(() => {
    const outside = ({ target }: PointerEvent) => {
      if (!(target instanceof Node && menu.current?.contains(target))) desk.show(null)
    }
    // Not on a change of size: a telephone's keyboard goes when the focus comes here.
    document.addEventListener('pointerdown', outside, { capture: true })
    return () => document.removeEventListener('pointerdown', outside, { capture: true })
  }, [desk])

  const pressed = (event: KeyboardEvent) => {
    const items = [...(menu.current?.querySelectorAll<HTMLElement>('[role=menuitem]:not([disabled])') ?? [])]
    const next = nextItem(items, event.key)
    if (next) next.focus()
    else if (event.key === 'Escape' || event.key === 'Tab') desk.show(null)
    else return
    event.preventDefault()
    event.stopPropagation()
  }
  const choose = (command: Command) => {
    desk.show(null)
    desk.run(command)
  }
  return (
    <div
      ref={menu}
      className="menu"
      role="menu"
      tabIndex={-1}
      aria-label={t('shortcut.menu')}
      style={place}
      onKeyDown={pressed}
    >
      {groups.map((group) => (
        // biome-ignore lint/a11y/useSemanticElements: a group of menu items, not of form fields
        <div key={group[0]?.command} role="group" className="menu-group">
          {group.map(({ command, disabled, danger }) => (
            <button
              key={command}
              type="button"
              role="menuitem"
              tabIndex={-1}
              className={danger ? 'menu-item danger' : 'menu-item'}
              disabled={disabled}
              onClick={() => choose(command)}
            >
              <span>{t(isAction(command) ? `shortcut.${command}` : `terminal.menu.${command}`)}</span>
              {isAction(command) && <kbd>{keysFor(command)}</kbd>}
            </button>
          ))}
        </div>
      ))}
    </div>
  )
}

/** Where a key leads in a list that has no end. */
function nextItem(items: HTMLElement[], key: string): HTMLElement | undefined {
  const at = items.indexOf(document.activeElement as HTMLElement)
  switch (key) {
    case 'ArrowDown':
      return items[(at + 1) % items.length]
    case 'ArrowUp':
      return items.at(at <= 0 ? -1 : at - 1)
    case 'Home':
      return items[0]
    case 'End':
      return items.at(-1)
    default: {
      if (key.length !== 1) return undefined
      const begins = (item: HTMLElement) => item.textContent?.toLowerCase().startsWith(key.toLowerCase())
      return [...items.slice(at + 1), ...items.slice(0, at + 1)].find(begins)
    }
  }
}

// The keys of a terminal's page. A shell gets everything without Shift and Ctrl together, or Cmd; of the rest it
// gets what is not in this list. (A browser keeps Ctrl+Shift+T, N and W for itself: those are not here.)

export type Action =
  | 'tab_new'
  | 'split_right'
  | 'split_down'
  | 'pane_close'
  | 'tab_next'
  | 'tab_previous'
  | 'tab_number'
  | 'focus_left'
  | 'focus_right'
  | 'focus_up'
  | 'focus_down'
  | 'grow_left'
  | 'grow_right'
  | 'grow_up'
  | 'grow_down'
  | 'find'
  | 'copy'
  | 'paste'
  | 'font_larger'
  | 'font_smaller'
  | 'font_reset'
  | 'full_screen'
  | 'scroll_bottom'
  | 'scroll_top'
  | 'menu'
  | 'bar'

export interface Shortcut {
  action: Action
  group: 'panes' | 'text' | 'view'
  /** `KeyboardEvent.code`, with `Digit` for 1 to 9. */
  code: string
  /** Besides Ctrl and Shift. */
  alt?: true
  /** The same key with Cmd on a Mac, where it is free there. */
  cmd?: true
  /** The key as it is written, where the code does not say it. */
  key?: string
  /** Another key for the same, not listed. */
  also?: string
}

/** All with Ctrl and Shift. */
export const SHORTCUTS: readonly Shortcut[] = [
  { action: 'tab_new', group: 'panes', code: 'Enter', also: 'NumpadEnter' },
  { action: 'split_right', group: 'panes', code: 'KeyE' },
  { action: 'split_down', group: 'panes', code: 'KeyO' },
  { action: 'pane_close', group: 'panes', code: 'KeyD' },
  { action: 'tab_next', group: 'panes', code: 'BracketRight', key: ']' },
  { action: 'tab_previous', group: 'panes', code: 'BracketLeft', key: '[' },
  { action: 'tab_number', group: 'panes', code: 'Digit', key: '1…9' },
  { action: 'focus_left', group: 'panes', code: 'ArrowLeft', key: '←' },
  { action: 'focus_right', group: 'panes', code: 'ArrowRight', key: '→' },
  { action: 'focus_up', group: 'panes', code: 'ArrowUp', key: '↑' },
  { action: 'focus_down', group: 'panes', code: 'ArrowDown', key: '↓' },
  { action: 'grow_left', group: 'panes', code: 'ArrowLeft', key: '←', alt: true },
  { action: 'grow_right', group: 'panes', code: 'ArrowRight', key: '→', alt: true },
  { action: 'grow_up', group: 'panes', code: 'ArrowUp', key: '↑', alt: true },
  { action: 'grow_down', group: 'panes', code: 'ArrowDown', key: '↓', alt: true },
  { action: 'find', group: 'text', code: 'KeyF', cmd: true },
  { action: 'copy', group: 'text', code: 'KeyC', cmd: true },
  { action: 'paste', group: 'text', code: 'KeyV', cmd: true },
  { action: 'scroll_top', group: 'text', code: 'Home', key: 'Home' },
  { action: 'scroll_bottom', group: 'text', code: 'End', key: 'End' },
  { action: 'font_larger', group: 'view', code: 'Equal', key: '+', cmd: true, also: 'NumpadAdd' },
  { action: 'font_smaller', group: 'view', code: 'Minus', key: '−', cmd: true, also: 'NumpadSubtract' },
  { action: 'font_reset', group: 'view', code: 'Digit0', key: '0', cmd: true },
  { action: 'full_screen', group: 'view', code: 'F11' },
  { action: 'menu', group: 'view', code: 'KeyA' },
  { action: 'bar', group: 'view', code: 'KeyB' },
]

/** Not for the program and not ours: the page around hears them (palette, list of shortcuts). */
const PAGE = ['KeyK', 'Slash']

type Keys = Pick<KeyboardEvent, 'key' | 'code' | 'ctrlKey' | 'shiftKey' | 'altKey' | 'metaKey'>

const SIGNS: Record<string, string> = {
  '?': 'Slash',
  '+': 'Equal',
  '=': 'Equal',
  '-': 'Minus',
  _: 'Minus',
  '[': 'BracketLeft',
  '{': 'BracketLeft',
  ']': 'BracketRight',
  '}': 'BracketRight',
}

/** By what is written on the key; by its place where that is no Latin letter (Cyrillic, a Chinese input method). */
function codeOf({ key, code }: Pick<Keys, 'key' | 'code'>): string {
  return /^[a-z]$/i.test(key) ? `Key${key.toUpperCase()}` : (SIGNS[key] ?? code)
}

function matches(shortcut: Shortcut, event: Keys): boolean {
  const { code } = shortcut
  const pressed = codeOf(event)
  if (pressed !== code && event.code !== shortcut.also) {
    if (code !== 'Digit' || !/^Digit[1-9]$/.test(pressed)) return false
  }
  if (event.ctrlKey && event.shiftKey && !event.metaKey) return event.altKey === (shortcut.alt === true)
  return shortcut.cmd === true && event.metaKey && !event.ctrlKey && !event.altKey
}

/** What a key press asks of the page; null: it is the program's. */
export function actionOf(event: Keys): Action | null {
  return SHORTCUTS.find((shortcut) => matches(shortcut, event))?.action ?? null
}

/** For the page around the terminal, and never for the program. */
export function isPageKey(event: Keys): boolean {
  if (!PAGE.includes(codeOf(event)) || event.altKey) return false
  return event.ctrlKey ? event.shiftKey && !event.metaKey : event.metaKey
}

export function isMac(platform = navigator.platform): boolean {
  return /^(Mac|iPhone|iPad)/.test(platform)
}

/** The keys of a shortcut as they are written on the keyboard, for a list or a menu. */
export function keysOf(shortcut: Shortcut, mac = isMac()): string[] {
  const key = shortcut.key ?? shortcut.code.replace(/^Key/, '')
  if (mac && shortcut.cmd) return ['⌘', key]
  const alt = mac ? '⌥' : 'Alt'
  return ['Ctrl', 'Shift', ...(shortcut.alt ? [alt] : []), key]
}

export function keysFor(action: Action, mac = isMac()): string {
  const shortcut = SHORTCUTS.find((one) => one.action === action)
  return shortcut ? keysOf(shortcut, mac).join(mac ? ' ' : '+') : ''
}

/** Where what it does is said in words. */
export const shortcutKey = (action: Action) => `shortcut.${action}` as const
export const groupKey = (group: Shortcut['group']) => `shortcut.group.${group}` as const

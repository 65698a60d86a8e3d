// What a terminal's colours can be. Light on purpose: the page of settings lists them without the emulator.
//
// `light`, `dark`, `contrast` and `paper` are Bastide's own. `xterm` and `vga` are the colours that X.Org's xterm
// and the text mode of the PC's VGA have always had, for who learned to read them.

import type { ITheme } from '@xterm/xterm'

type Sixteen = readonly [
  black: string,
  red: string,
  green: string,
  yellow: string,
  blue: string,
  magenta: string,
  cyan: string,
  white: string,
  brightBlack: string,
  brightRed: string,
  brightGreen: string,
  brightYellow: string,
  brightBlue: string,
  brightMagenta: string,
  brightCyan: string,
  brightWhite: string,
]

interface Base {
  ground: string
  ink: string
  cursor: string
  selection: string
  match: string
  activeMatch: string
}

export interface Palette {
  /** Whether what lies around it should be dark too. */
  dark: boolean
  theme: ITheme
  /** Grounds of what was found. The active one stands out of the others. */
  match: string
  activeMatch: string
}

function palette(dark: boolean, base: Base, sixteen: Sixteen): Palette {
  const [black, red, green, yellow, blue, magenta, cyan, white, ...bright] = sixteen
  const [brightBlack, brightRed, brightGreen, brightYellow, ...cold] = bright
  const [brightBlue, brightMagenta, brightCyan, brightWhite] = cold
  return {
    dark,
    match: base.match,
    activeMatch: base.activeMatch,
    theme: {
      background: base.ground,
      foreground: base.ink,
      cursor: base.cursor,
      cursorAccent: base.ground,
      selectionBackground: base.selection,
      ...{ black, red, green, yellow, blue, magenta, cyan, white },
      ...{ brightBlack, brightRed, brightGreen, brightYellow },
      ...{ brightBlue, brightMagenta, brightCyan, brightWhite },
    },
  }
}

const LIGHT = palette(
  false,
  {
    ground: '#fdfdfc',
    ink: '#24292f',
    cursor: '#0f766e',
    selection: '#b9dcd8',
    match: '#f6e3a1',
    activeMatch: '#f2b84b',
  },
  [
    ...(['#24292f', '#b42318', '#2f7d32', '#8a6100', '#1f5fbf', '#8e3fa8', '#0b7285', '#6b7280'] as const),
    ...(['#59636e', '#d1352b', '#3a9140', '#a87500', '#3577d8', '#a855c4', '#1286a0', '#8b949e'] as const),
  ],
)

const DARK = palette(
  true,
  {
    ground: '#101418',
    ink: '#d7dde3',
    cursor: '#4fd1c5',
    selection: '#2b4a52',
    match: '#4b4116',
    activeMatch: '#8a6210',
  },
  [
    ...(['#1b2127', '#ef6b63', '#7ccf7f', '#e2b74e', '#6ea8f7', '#cf8ee6', '#58c9d6', '#c5ccd3'] as const),
    ...(['#6e7a86', '#ff8a80', '#9be49d', '#f3cf73', '#94c2ff', '#e2aef5', '#7fe0eb', '#f2f5f7'] as const),
  ],
)

const CONTRAST = palette(
  true,
  {
    ground: '#000000',
    ink: '#ffffff',
    cursor: '#ffff00',
    selection: '#1a4fa0',
    match: '#5c5000',
    activeMatch: '#a05a00',
  },
  [
    ...(['#000000', '#ff7b72', '#5eea7d', '#ffe14d', '#80b7ff', '#ff9cf5', '#4df0ff', '#f2f2f2'] as const),
    ...(['#a6a6a6', '#ffa39c', '#9bffb0', '#fff08f', '#b3d4ff', '#ffc4fa', '#a3f8ff', '#ffffff'] as const),
  ],
)

const PAPER = palette(
  false,
  {
    ground: '#f7f0e0',
    ink: '#3b3226',
    cursor: '#8f3f1f',
    selection: '#e3d3ac',
    match: '#efd98a',
    activeMatch: '#e5ad52',
  },
  [
    ...(['#3b3226', '#a3341f', '#4f6b1f', '#8a5a00', '#2c5c8f', '#83407a', '#1f6b66', '#75695a'] as const),
    ...(['#6b6052', '#bf4b33', '#64822f', '#a3700f', '#3f74aa', '#9c5692', '#2f827c', '#8f8371'] as const),
  ],
)

const XTERM = palette(
  true,
  {
    ground: '#000000',
    ink: '#e5e5e5',
    cursor: '#e5e5e5',
    selection: '#41506b',
    match: '#554a00',
    activeMatch: '#946000',
  },
  [
    ...(['#000000', '#cd0000', '#00cd00', '#cdcd00', '#0000ee', '#cd00cd', '#00cdcd', '#e5e5e5'] as const),
    ...(['#7f7f7f', '#ff0000', '#00ff00', '#ffff00', '#5c5cff', '#ff00ff', '#00ffff', '#ffffff'] as const),
  ],
)

const VGA = palette(
  true,
  {
    ground: '#000000',
    ink: '#aaaaaa',
    cursor: '#ffffff',
    selection: '#3a3a6a',
    match: '#554a00',
    activeMatch: '#946000',
  },
  [
    ...(['#000000', '#aa0000', '#00aa00', '#aa5500', '#0000aa', '#aa00aa', '#00aaaa', '#aaaaaa'] as const),
    ...(['#555555', '#ff5555', '#55ff55', '#ffff55', '#5555ff', '#ff55ff', '#55ffff', '#ffffff'] as const),
  ],
)

export const PALETTES = {
  light: LIGHT,
  dark: DARK,
  contrast: CONTRAST,
  paper: PAPER,
  xterm: XTERM,
  vga: VGA,
} as const

export type PaletteName = keyof typeof PALETTES

/** What the setting can be, in the order of a list. */
export const THEME_NAMES = ['auto', 'light', 'dark', 'contrast', 'paper', 'xterm', 'vga'] as const

/** Where its name in words is. */
export const themeKey = (name: (typeof THEME_NAMES)[number]) => `terminal.theme.${name}` as const

/** The palette of a setting: `auto`, and a name that is not known, follow the page. */
export function paletteOf(name: string, dark: boolean): Palette {
  return Object.hasOwn(PALETTES, name) ? PALETTES[name as PaletteName] : dark ? DARK : LIGHT
}

/** Programs' own colours are kept apart from their ground as WCAG AA asks. */
export const LEAST_CONTRAST = 4.5

/** Fonts that people who read code have, then such as know Chinese. */
export const FONT =
  '"JetBrains Mono", "Cascadia Mono", "SF Mono", Menlo, "DejaVu Sans Mono", Consolas, "Sarasa Mono SC", "Noto Sans Mono CJK SC", "Noto Sans Mono", "PingFang SC", "Microsoft YaHei", monospace'

export function fontFamily(chosen: string): string {
  return chosen.trim() ? `${chosen.trim()}, ${FONT}` : FONT
}

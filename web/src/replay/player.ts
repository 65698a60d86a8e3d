// The player as the page uses it: made anew when speed, pauses or colours change, at the same moment.

import 'asciinema-player/dist/bundle/asciinema-player.css'
import { create, type Player } from 'asciinema-player'
import type { Cast, Squeezed } from './cast.ts'

export interface PlayerChoice {
  cast: Cast
  squeezed: Squeezed
  speed: number
  /** A CSS font family. */
  font: string
  /** Seconds of the squeezed recording. */
  startAt: number
}

export type Playing = 'paused' | 'playing' | 'ended'

export function createPlayer(
  element: HTMLElement,
  choice: PlayerChoice,
  changed: (playing: Playing) => void,
): Player {
  const { cast, squeezed, speed, font, startAt } = choice
  const header = { version: 2, width: cast.cols, height: cast.rows }
  const player = create({ data: [header, ...squeezed.events] }, element, {
    preload: true,
    startAt,
    speed,
    fit: 'both',
    controls: false,
    theme: 'bastide',
    terminalFontFamily: font,
  })
  player.addEventListener('play', () => changed('playing'))
  player.addEventListener('playing', () => changed('playing'))
  player.addEventListener('pause', () => changed('paused'))
  player.addEventListener('ended', () => changed('ended'))
  return player
}

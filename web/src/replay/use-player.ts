import '../styles/replay.css'
import type { Player } from 'asciinema-player'
import { type RefObject, useCallback, useEffect, useMemo, useRef, useState } from 'react'
import { useDark } from '../parts/appearance.ts'
import { useSettings } from '../settings.ts'
import { fontFamily, type Palette, paletteOf } from '../terminal/themes.ts'
import { type Cast, Squeezed } from './cast.ts'
import { createPlayer, type Playing } from './player.ts'

/** With pauses skipped, none is longer than this (seconds). */
const LONGEST_PAUSE = 1
export const SPEEDS = [0.5, 1, 1.5, 2, 4, 8] as const

export interface PlayerView {
  playing: Playing
  /** Seconds of what is played. */
  now: number
  length: number
  speed: number
  skipsPauses: boolean
}

export interface PlayerActions {
  toggle: () => void
  /** To a moment of what is played, in seconds. */
  seek: (at: number) => void
  setSpeed: (speed: number) => void
  setSkipsPauses: (skips: boolean) => void
  /** The moment of the whole recording that is shown. */
  moment: () => number
  /** Which moment of the whole recording a moment of what is played is. */
  momentAt: (at: number) => number
  /** To a moment of the whole recording. */
  goTo: (moment: number) => void
}

const COLORS = ['black', 'red', 'green', 'yellow', 'blue', 'magenta', 'cyan', 'white'] as const

/** The colours of a terminal, where replay.css passes them on to the player. */
function colour(element: HTMLElement, { theme }: Palette): void {
  const bright = COLORS.map((name) => `bright${name[0]?.toUpperCase()}${name.slice(1)}` as 'brightBlack')
  const all = [...COLORS, ...bright].map((name) => theme[name])
  all.forEach((color, index) => {
    element.style.setProperty(`--replay-${index}`, color ?? null)
  })
  element.style.setProperty('--replay-ink', theme.foreground ?? null)
  element.style.setProperty('--replay-ground', theme.background ?? null)
}

/** Plays `cast` in `element`, from `startAt` seconds of the whole recording. */
export function usePlayer(
  element: RefObject<HTMLElement | null>,
  cast: Cast,
  startAt: number,
): [PlayerView, PlayerActions] {
  const dark = useDark()
  const { terminal } = useSettings()
  const font = fontFamily(terminal.fontFamily)
  const [speed, setSpeed] = useState(1)
  const [skipsPauses, setSkipsPauses] = useState(true)
  const [playing, setPlaying] = useState<Playing>('paused')
  const [now, setNow] = useState(0)
  const squeezed = useMemo(
    () => new Squeezed(cast, skipsPauses ? LONGEST_PAUSE : Number.POSITIVE_INFINITY),
    [cast, skipsPauses],
  )
  const player = useRef<Player | null>(null)
  const shown = useRef(squeezed)
  // Kept over a new player: where it was, and whether it was moving.
  const moment = useRef(startAt)
  const moving = useRef(false)

  // biome-ignore lint/correctness/useExhaustiveDependencies: the player reads its colours when it is made
  useEffect(() => {
    if (!element.current) return
    colour(element.current, paletteOf(terminal.theme, dark))
    const at = squeezed.from(moment.current)
    let over = false
    shown.current = squeezed
    const made = createPlayer(element.current, { cast, squeezed, speed, font, startAt: at }, (next) => {
      if (over) return
      setPlaying(next)
      moving.current = next === 'playing'
      moment.current = squeezed.to(made.getCurrentTime())
    })
    player.current = made
    setNow(at)
    if (moving.current) void made.play()
    else if (at > 0) void made.seek(at)
    return () => {
      over = true
      // Only what moves knows better: a player that is not ready yet would say 0 to whoever asked it for a moment.
      if (moving.current) moment.current = squeezed.to(made.getCurrentTime())
      made.dispose()
      player.current = null
    }
  }, [cast, squeezed, speed, font, dark, terminal.theme])

  // The slider moves only while the recording does.
  useEffect(() => {
    if (playing !== 'playing') return
    let frame = requestAnimationFrame(function step() {
      if (player.current) setNow(player.current.getCurrentTime())
      frame = requestAnimationFrame(step)
    })
    return () => cancelAnimationFrame(frame)
  }, [playing])

  const seek = useCallback((at: number) => {
    const to = Math.max(0, Math.min(at, shown.current.length))
    setNow(to)
    moment.current = shown.current.to(to)
    void player.current?.seek(to)
  }, [])
  const toggle = useCallback(() => {
    const current = player.current
    if (!current) return
    void (moving.current ? current.pause() : current.play())
  }, [])
  const actions = useMemo<PlayerActions>(
    () => ({
      toggle,
      seek,
      setSpeed,
      setSkipsPauses,
      moment: () =>
        moving.current && player.current ? shown.current.to(player.current.getCurrentTime()) : moment.current,
      momentAt: (at) => shown.current.to(at),
      goTo: (to) => seek(shown.current.from(to)),
    }),
    [toggle, seek],
  )
  return [{ playing, now, length: squeezed.length, speed, skipsPauses }, actions]
}

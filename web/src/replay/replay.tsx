import { type ReactNode, useEffect, useRef } from 'react'
import { useTranslation } from 'react-i18next'
import { Copy } from '../parts/copy.tsx'
import { durationWords } from '../parts/duration.ts'
import { FullScreenIcon, PauseIcon, PlayIcon } from '../parts/icons.tsx'
import { recordingAddress } from '../router.ts'
import type { Cast } from './cast.ts'
import { focusOn, replayKey } from './keys.ts'
import { type PlayerActions, type PlayerView, SPEEDS, usePlayer } from './use-player.ts'

/** A recording with its controls. They are ours, so that they have names in both languages and no mouse is needed. */
export function Replay({
  cast,
  startAt,
  id,
  beside,
}: {
  cast: Cast
  startAt: number
  id: string
  /** What stands beside it: told how to go to a second of the recording, and which one is shown. */
  beside?: (goTo: (second: number) => void, now: number) => ReactNode
}) {
  const { t } = useTranslation()
  const whole = useRef<HTMLElement>(null)
  const screen = useRef<HTMLDivElement>(null)
  const [view, actions] = usePlayer(screen, cast, startAt)
  const fullScreen = () => {
    if (document.fullscreenElement) void document.exitFullscreen()
    else void whole.current?.requestFullscreen()
  }
  useReplayKeys(view, actions, fullScreen)
  const player = (
    <section className="replay" ref={whole} aria-label={t('replay.label')} data-playing={view.playing}>
      <div
        className="replay-screen"
        ref={screen}
        style={{ '--shape': `${cast.cols * 0.6} / ${cast.rows * 1.33}` } as React.CSSProperties}
      />
      <Controls view={view} actions={actions} id={id} fullScreen={fullScreen} />
      {cast.markers.length > 0 && (
        <nav className="markers" aria-label={t('replay.markers')}>
          {cast.markers.map(({ at, label }) => (
            <button type="button" className="quiet" key={`${at} ${label}`} onClick={() => actions.goTo(at)}>
              <span className="number">{durationWords(at * 1000)}</span> {label || t('replay.marker')}
            </button>
          ))}
        </nav>
      )}
    </section>
  )
  // One parent whether something is beside it or not: the player lives in the element that it was made in.
  return (
    <div className="replay-row">
      {player}
      {beside?.(actions.goTo, actions.momentAt(view.now))}
    </div>
  )
}

function Controls({
  view,
  actions,
  id,
  fullScreen,
}: {
  view: PlayerView
  actions: PlayerActions
  id: string
  fullScreen: () => void
}) {
  const { t } = useTranslation()
  const { playing, now, length, speed, skipsPauses } = view
  const time = durationWords(now * 1000)
  const all = durationWords(length * 1000)
  const toggle = playing === 'playing' ? t('replay.pause') : t('replay.play')
  return (
    <div className="controls">
      <button
        type="button"
        className="icon-button"
        aria-label={toggle}
        title={`${toggle} (${t('keys.space')})`}
        onClick={actions.toggle}
      >
        {playing === 'playing' ? <PauseIcon /> : <PlayIcon />}
      </button>
      <span className="number time">
        {time} / {all}
      </span>
      <input
        type="range"
        className="seek"
        aria-label={t('replay.seek')}
        aria-valuetext={t('replay.at', { time, all })}
        min={0}
        max={Math.max(length, 0.1)}
        step={0.1}
        value={now}
        onChange={(event) => actions.seek(Number(event.target.value))}
      />
      <label>
        <span className="unseen">{t('replay.speed')}</span>
        <select
          className="input small"
          title={t('replay.speed')}
          value={speed}
          onChange={(event) => actions.setSpeed(Number(event.target.value))}
        >
          {SPEEDS.map((one) => (
            <option key={one} value={one}>
              {one}×
            </option>
          ))}
        </select>
      </label>
      <label className="check" title={t('replay.pauses.title')}>
        <input
          type="checkbox"
          checked={skipsPauses}
          onChange={(event) => actions.setSkipsPauses(event.target.checked)}
        />
        {t('replay.pauses')}
      </label>
      <Copy text={() => location.origin + recordingAddress(id, actions.moment())} what={t('replay.link')} />
      <button
        type="button"
        className="icon-button"
        aria-label={t('replay.full')}
        title={`${t('replay.full')} (F)`}
        onClick={fullScreen}
      >
        <FullScreenIcon />
      </button>
    </div>
  )
}

/** The keys work wherever the focus is on this page, but not where somebody types or chooses. */
function useReplayKeys(view: PlayerView, actions: PlayerActions, fullScreen: () => void): void {
  const latest = useRef({ view, actions, fullScreen })
  latest.current = { view, actions, fullScreen }
  useEffect(() => {
    const pressed = (event: KeyboardEvent) => {
      const { target } = event
      if (!(target instanceof Element) || target.closest('dialog')) return
      const wish = replayKey(event, focusOn(target))
      if (!wish) return
      event.preventDefault()
      event.stopPropagation()
      const { view, actions, fullScreen } = latest.current
      if (wish.kind === 'toggle') actions.toggle()
      else if (wish.kind === 'step') actions.seek(view.now + wish.seconds)
      else if (wish.kind === 'part') actions.seek(view.length * wish.part)
      else if (wish.kind === 'pauses') actions.setSkipsPauses(!view.skipsPauses)
      else if (wish.kind === 'speed') actions.setSpeed(nextSpeed(view.speed, wish.by))
      else fullScreen()
    }
    // Before the player, which has keys of its own.
    window.addEventListener('keydown', pressed, { capture: true })
    return () => window.removeEventListener('keydown', pressed, { capture: true })
  }, [])
}

function nextSpeed(speed: number, by: 1 | -1): number {
  const index = SPEEDS.indexOf(speed as (typeof SPEEDS)[number]) + by
  return SPEEDS[Math.max(0, Math.min(index, SPEEDS.length - 1))] ?? 1
}

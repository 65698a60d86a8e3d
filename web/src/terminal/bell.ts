// What a program's bell does.

import type { Bell } from '../settings.ts'

export type { Bell }

/** Hertz and seconds: short, and not shrill. */
const PITCH = 660
const LENGTH = 0.12
const LOUDNESS = 0.08
/** A program that rings without end is one bell. */
const QUIET_FOR = 200

let last = Number.NEGATIVE_INFINITY
let audio: AudioContext | null = null

export function ring(bell: Exclude<Bell, 'none'>, place: HTMLElement): void {
  const now = performance.now()
  if (now - last < QUIET_FOR) return
  last = now
  if (bell === 'sound') sound()
  else flash(place)
}

function flash(place: HTMLElement): void {
  place.classList.remove('rings')
  // Read, so that the browser starts the animation anew.
  void place.offsetWidth
  place.classList.add('rings')
  place.addEventListener('animationend', () => place.classList.remove('rings'), { once: true })
}

function sound(): void {
  // A browser gives sound only to a page that somebody has used; until then there is none.
  audio ??= new AudioContext()
  const { currentTime, destination } = audio
  const tone = new OscillatorNode(audio, { frequency: PITCH })
  const volume = new GainNode(audio, { gain: LOUDNESS })
  volume.gain.setValueAtTime(LOUDNESS, currentTime)
  volume.gain.exponentialRampToValueAtTime(0.0001, currentTime + LENGTH)
  tone.connect(volume).connect(destination)
  tone.start()
  tone.stop(currentTime + LENGTH)
}

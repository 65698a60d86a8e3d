import { useEffect, useState } from 'react'
import { currentLanguage } from '../i18n.ts'
import { subscribeTime } from './appearance.ts'

const STEPS: [Intl.RelativeTimeFormatUnit, number][] = [
  ['day', 86_400],
  ['hour', 3_600],
  ['minute', 60],
]

export function ago(then: number, now: number, language: string): string {
  const seconds = Math.max(0, Math.round((now - then) / 1000))
  const words = new Intl.RelativeTimeFormat(language, { numeric: 'auto', style: 'narrow' })
  for (const [unit, length] of STEPS) {
    if (seconds >= length) return words.format(-Math.floor(seconds / length), unit)
  }
  return words.format(-seconds, 'second')
}

/** Date and time here, to the second. */
export function exactTime(at: string): string {
  return new Date(at).toLocaleString(currentLanguage(), { dateStyle: 'medium', timeStyle: 'medium' })
}

/** How long ago, with the time itself on hover. */
export function Ago({ at }: { at: string }) {
  const [now, setNow] = useState(Date.now)
  useEffect(() => subscribeTime(15_000, () => setNow(Date.now())), [])
  const then = Date.parse(at)
  const language = currentLanguage()
  return (
    <time dateTime={at} title={exactTime(at)}>
      {ago(then, now, language)}
    </time>
  )
}

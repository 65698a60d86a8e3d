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

/** How long ago, with the time itself on hover. */
export function Ago({ at }: { at: string }) {
  const [now, setNow] = useState(Date.now)
  useEffect(() => subscribeTime(15_000, () => setNow(Date.now())), [])
  const then = Date.parse(at)
  const language = currentLanguage()
  const exact = new Date(then).toLocaleString(language, { dateStyle: 'medium', timeStyle: 'medium' })
  return (
    <time dateTime={at} title={exact}>
      {ago(then, now, language)}
    </time>
  )
}

import { useEffect, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { currentLanguage } from '../i18n.ts'
import { exactTime } from './ago.tsx'
import { subscribeTime } from './appearance.ts'

const STEPS: [Intl.RelativeTimeFormatUnit, number][] = [
  ['day', 86_400],
  ['hour', 3_600],
  ['minute', 60],
]

/** `in 5 days`, in the largest whole unit. */
export function untilWords(then: number, now: number, language: string): string {
  const seconds = Math.round((then - now) / 1000)
  const words = new Intl.RelativeTimeFormat(language, { numeric: 'always', style: 'long' })
  for (const [unit, length] of STEPS) {
    if (seconds >= length) return words.format(Math.floor(seconds / length), unit)
  }
  return words.format(seconds, 'second')
}

/** When something ends, as `expires in 5 days`; says so when it has. */
export function Until({ at }: { at: string }) {
  const { t } = useTranslation()
  const [now, setNow] = useState(Date.now)
  useEffect(() => subscribeTime(15_000, () => setNow(Date.now())), [])
  const then = Date.parse(at)
  const words =
    then <= now ? t('time.expired') : t('time.expires', { when: untilWords(then, now, currentLanguage()) })
  return (
    <time dateTime={at} title={exactTime(at)}>
      {words}
    </time>
  )
}

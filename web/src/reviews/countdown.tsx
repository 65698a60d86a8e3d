import { useEffect, useState } from 'react'
import { durationWords } from '../parts/duration.ts'

/** How long is left, as `1:42`. */
export function Countdown({ to }: { to: string }) {
  const [now, setNow] = useState(Date.now)
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 1000)
    return () => clearInterval(timer)
  }, [])
  return (
    <span className="number" role="timer">
      {durationWords(Math.max(0, Date.parse(to) - now))}
    </span>
  )
}

/** `1:02:03` or `2:03`; `–` while it is not known. */
export function durationWords(milliseconds: number | null): string {
  if (milliseconds === null) return '–'
  const all = Math.max(0, Math.floor(milliseconds / 1000))
  const two = (value: number) => String(value).padStart(2, '0')
  const hours = Math.floor(all / 3600)
  const minutes = Math.floor(all / 60) % 60
  return hours > 0 ? `${hours}:${two(minutes)}:${two(all % 60)}` : `${minutes}:${two(all % 60)}`
}

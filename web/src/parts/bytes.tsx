import { useTranslation } from 'react-i18next'
import { sizeWords } from '../terminal/paste.ts'

/** A size in words. */
export function Bytes({ bytes }: { bytes: number }) {
  const { t } = useTranslation()
  const { key, n } = sizeWords(bytes)
  return <span className="number">{t(key, { n })}</span>
}

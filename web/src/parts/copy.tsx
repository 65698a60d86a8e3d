import { useEffect, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { CheckIcon, CopyIcon } from './icons.tsx'

const SHOWN_FOR = 1_500

/** Where the page is not served safely there is no clipboard: then what is selected by hand remains. */
export async function copyText(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text)
    return true
  } catch {
    return false
  }
}

/** A small button that copies `text`; `what` names it for those who do not see it. */
export function Copy({ text, what }: { text: string | (() => string); what: string }) {
  const { t } = useTranslation()
  const [copied, setCopied] = useState<boolean | null>(null)
  useEffect(() => {
    if (copied === null) return
    const timer = setTimeout(() => setCopied(null), SHOWN_FOR)
    return () => clearTimeout(timer)
  }, [copied])
  const label = copied ? t('copy.done') : t('copy.what', { what })
  return (
    <button
      type="button"
      className="icon-button"
      aria-label={label}
      title={copied === false ? t('copy.failed') : label}
      onClick={() => void copyText(typeof text === 'string' ? text : text()).then(setCopied)}
    >
      {copied ? <CheckIcon /> : <CopyIcon />}
    </button>
  )
}

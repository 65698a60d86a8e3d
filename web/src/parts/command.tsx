import { useState } from 'react'
import { useTranslation } from 'react-i18next'

/** A command line with a button that copies it. */
export function Command({ text }: { text: string }) {
  const { t } = useTranslation()
  const [copied, setCopied] = useState(false)
  const copy = () => {
    void navigator.clipboard?.writeText(text).then(() => setCopied(true))
  }
  return (
    <div className="command">
      <code>{text}</code>
      <button type="button" className="quiet" onClick={copy}>
        {copied ? t('login.copied') : t('login.copy')}
      </button>
    </div>
  )
}

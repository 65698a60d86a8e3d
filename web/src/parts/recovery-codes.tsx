import { Button } from 'antd'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'

/** Recovery codes, this once: to copy, to keep as a file, to print. */
export function RecoveryCodes({ codes, done }: { codes: string[]; done: () => void }) {
  const { t } = useTranslation()
  const [copied, setCopied] = useState(false)
  const text = `${codes.join('\n')}\n`
  const copy = () => {
    void navigator.clipboard?.writeText(text).then(() => setCopied(true))
  }
  return (
    <div className="recovery">
      <p>{t('factors.codes.lead')}</p>
      <ul className="recovery-codes" aria-label={t('factors.codes')}>
        {codes.map((code) => (
          <li key={code}>
            <code>{code}</code>
          </li>
        ))}
      </ul>
      <div className="form-actions">
        <Button onClick={copy}>{copied ? t('login.copied') : t('login.copy')}</Button>
        <Button
          href={`data:text/plain;charset=utf-8,${encodeURIComponent(text)}`}
          download={`bastide-${location.hostname}.txt`}
        >
          {t('factors.codes.download')}
        </Button>
        <Button type="primary" onClick={done}>
          {t('factors.codes.kept')}
        </Button>
      </div>
    </div>
  )
}
